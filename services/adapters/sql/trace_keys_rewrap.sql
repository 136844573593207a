-- $1 companies, $2 months, $3 as they were, $4 as they are to be (as many each): what went meanwhile stays gone.
UPDATE trace_key AS k
SET wrapped = n.after
FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[]) AS n (company_id, month, before, after)
WHERE k.company_id = n.company_id AND k.month = n.month AND k.wrapped = n.before
