-- $1 company, $2 stream, $3 version, $4 schema, $5 document: under the head lock.
INSERT INTO company_state (company_id, stream_id, version, schema, doc)
VALUES ($1, $2, $3, $4, $5::jsonb)
ON CONFLICT (company_id, stream_id) DO UPDATE SET
    version = excluded.version, schema = excluded.schema, doc = excluded.doc
