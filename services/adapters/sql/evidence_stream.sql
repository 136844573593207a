-- $1 company, $2 stream: all its entries in order.
SELECT position, type, entry FROM event WHERE company_id = $1 AND stream_id = $2 ORDER BY version
