-- $1 after position, $2 at most: the log of checkpoints, which belongs to no company.
SELECT position, entry
FROM checkpoint_entry
WHERE position > $1
ORDER BY position
LIMIT $2
