-- $1 company, $2 before position, $3 at most: orders, the newest first, each with what became of it.
SELECT
    s.stream_id AS id,
    s.doc,
    v.position AS requested_position,
    v.entry,
    e.attempts,
    e.lease_until,
    e.done_at,
    e.failed_at,
    p.position,
    p.done,
    p.total
FROM company_state AS s
INNER JOIN event AS v ON v.company_id = s.company_id AND v.stream_id = s.stream_id AND v.version = 1
LEFT JOIN effect AS e
    ON e.company_id = s.company_id AND e.position = v.position AND e.kind = 'build_report' AND e.target = ''
LEFT JOIN report_progress AS p ON p.company_id = s.company_id AND p.report_id = s.stream_id
WHERE s.company_id = $1 AND s.doc ? 'report' AND v.position < $2
ORDER BY v.position DESC
LIMIT $3
