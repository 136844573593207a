-- $1 company, $2 after, $3 up to, $4 the rows that these positions should have, as a JSON document.
WITH wanted AS (
    SELECT
        r.position, r.type, r.at, r.subject_id, r.actor_id, r.actor_kind, r.ip, r.user_agent, r.reason,
        array_to_tsvector(string_to_array(r.words, ' ')) AS words
    FROM jsonb_to_recordset($4::jsonb) AS r (
        position bigint, type text, at timestamptz, subject_id uuid, actor_id uuid, actor_kind text, ip text,
        user_agent text, reason text, words text
    )
),
gone AS (
    DELETE FROM audit_trail_1 AS t
    WHERE t.company_id = $1 AND t.position > $2 AND t.position <= $3 AND NOT EXISTS (
        SELECT FROM wanted AS w
        WHERE w.position = t.position
            AND (w.type, w.at, w.subject_id, w.actor_id, w.actor_kind, w.ip, w.user_agent, w.reason, w.words)
            IS NOT DISTINCT FROM
            (t.type, t.at, t.subject_id, t.actor_id, t.actor_kind, t.ip, t.user_agent, t.reason, t.words)
    )
    RETURNING 1
)
SELECT count(*) FROM gone
