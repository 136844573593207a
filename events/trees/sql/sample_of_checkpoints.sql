-- $1 company, $2 at most: signed checkpoints, evenly spread.
SELECT c.size, c.note, c.signed_at
FROM (
    SELECT size, note, signed_at, row_number() OVER (ORDER BY size, signed_at) AS number, count(*) OVER () AS all_of_them
    FROM checkpoint
    WHERE company_id = $1
) AS c
WHERE c.number % (c.all_of_them / $2 + 1) = 0
ORDER BY c.size, c.signed_at
