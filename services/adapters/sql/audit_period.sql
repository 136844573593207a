-- $1 company, $2 from (inclusive), $3 to (exclusive): the first position of that period and the first behind it; NULL
-- where there is none. Times rise with positions.
SELECT
    (
        SELECT t.position FROM audit_trail_1 AS t
        WHERE t.company_id = $1 AND t.at >= $2::timestamptz ORDER BY t.company_id, t.at LIMIT 1
    ),
    (
        SELECT t.position FROM audit_trail_1 AS t
        WHERE t.company_id = $1 AND t.at >= $3::timestamptz ORDER BY t.company_id, t.at LIMIT 1
    )
