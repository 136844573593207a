-- $1 before: is there a company whose audit trail lacks a fact older than that? Over all companies, for readiness.
SELECT EXISTS (
    SELECT FROM company_log AS l
    LEFT JOIN projection AS p ON p.company_id = l.company_id AND p.name = 'audit_trail_1'
    WHERE l.position > coalesce(p.position, 0) AND l.at < $1
)
