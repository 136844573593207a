-- $1 company, $2 origin, $3 blind of a tree that does not exist yet: it goes on under that name, and nothing is signed yet.
INSERT INTO tree (company_id, origin, blind)
VALUES ($1, $2, $3)
ON CONFLICT (company_id) DO UPDATE SET origin = $2, signed_size = 0, published_size = 0, refused = NULL
