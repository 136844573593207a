-- $1 company. One sealer at a time: the lock is held until its leaves are durable. Nothing when another one has it.
SELECT origin, blind, size, edge, signed_size
FROM tree
WHERE company_id = $1
FOR NO KEY UPDATE SKIP LOCKED
