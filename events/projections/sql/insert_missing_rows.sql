-- $1 company, $2 rows as a JSON document: those that do not stand there.
WITH made AS (
    INSERT INTO audit_trail_1 (
        company_id, position, type, at, subject_id, actor_id, actor_kind, ip, user_agent, reason, words
    )
    SELECT
        $1, r.position, r.type, r.at, r.subject_id, r.actor_id, r.actor_kind, r.ip, r.user_agent, r.reason,
        array_to_tsvector(string_to_array(r.words, ' '))
    FROM jsonb_to_recordset($2::jsonb) AS r (
        position bigint, type text, at timestamptz, subject_id uuid, actor_id uuid, actor_kind text, ip text,
        user_agent text, reason text, words text
    )
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM made
