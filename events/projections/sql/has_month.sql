-- $1 company, $2 after position, $3 up to, $4 month: does one of these entries hold a box under that month's key?
-- Looks for the member as the program writes it; what else might read like it is looked at in vain, and that is all.
-- In order, so that it reads those positions only.
SELECT EXISTS (
    SELECT FROM (
        SELECT e.entry
        FROM event AS e
        WHERE e.company_id = $1 AND e.position > $2 AND e.position <= $3
        ORDER BY e.company_id, e.position
        OFFSET 0
    ) AS these
    WHERE position(convert_to('"month":"' || $4 || '"', 'UTF8') IN these.entry) > 0
)
