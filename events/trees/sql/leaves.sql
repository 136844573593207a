-- $1 company, $2 first leaf, $3 end: the sealed batches that hold leaves from the first to before the end.
SELECT first, hashes
FROM tree_leaves
WHERE company_id = $1
    AND first < $3
    AND first >= coalesce((
        SELECT max(b.first)
        FROM tree_leaves AS b
        WHERE b.company_id = $1 AND b.first <= $2
    ), 0)
ORDER BY first
