-- $1 company, $2 user, $3 version, $4 schema, $5 authority, $6 document: under the head lock.
INSERT INTO user_state (company_id, stream_id, version, schema, authority, doc)
VALUES ($1, $2, $3, $4, $5, $6::jsonb)
ON CONFLICT (company_id, stream_id) DO UPDATE SET
    version = excluded.version, schema = excluded.schema, authority = excluded.authority, doc = excluded.doc
