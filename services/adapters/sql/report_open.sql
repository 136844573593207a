-- $1 company: reports that wait or are being built.
SELECT count(*)
FROM effect
WHERE company_id = $1 AND kind = 'build_report' AND done_at IS NULL AND failed_at IS NULL
