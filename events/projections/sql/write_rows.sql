-- $1 company, $2 projection, $3 its position before, $4 after, then the columns of the rows, one array each.
-- Rows and position move together or not at all: when another worker moved the position first, nothing is written.
WITH moved AS (
    UPDATE projection SET position = $4, stopped = NULL
    WHERE company_id = $1 AND name = $2 AND position = $3
    RETURNING company_id
),
written AS (
    INSERT INTO audit_trail_1 (
        company_id, position, type, at, subject_id, actor_id, actor_kind, ip, user_agent, reason, words
    )
    SELECT
        $1, r.position, r.type, r.at, r.subject_id, r.actor_id, r.actor_kind, r.ip, r.user_agent, r.reason,
        array_to_tsvector(string_to_array(r.words, ' '))
    FROM unnest(
        $5::bigint[], $6::text[], $7::timestamptz[], $8::uuid[], $9::uuid[], $10::text[], $11::text[], $12::text[],
        $13::text[], $14::text[]
    ) AS r (position, type, at, subject_id, actor_id, actor_kind, ip, user_agent, reason, words)
    WHERE EXISTS (SELECT FROM moved)
)
SELECT count(*) FROM moved
