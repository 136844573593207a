-- $1 company, $2 from position, $3 before position, $4 type, $5 subject, $6 actor, $7 address, $8 words (a tsquery):
-- NULL where nothing is asked. How many rows `audit_window` gives; in order, so that it reads those positions only.
SELECT count(*)
FROM (
    SELECT
    FROM audit_trail_1 AS t
    WHERE t.company_id = $1 AND t.position >= $2 AND t.position < $3
        AND CASE WHEN $4::text IS NULL THEN true ELSE t.type = $4 END
        AND CASE WHEN $5::uuid IS NULL THEN true ELSE t.subject_id = $5 END
        AND CASE WHEN $6::uuid IS NULL THEN true ELSE t.actor_id = $6 END
        AND CASE WHEN $7::text IS NULL THEN true ELSE t.ip = $7 END
        AND CASE WHEN $8::text IS NULL THEN true ELSE t.words @@ $8::tsquery END
    ORDER BY t.company_id DESC, t.position DESC
    OFFSET 0
) AS a
