-- The verifiable log: one tree a company, and one of the whole installation, whose company_id has only zeroes.

CREATE TABLE tree (
    company_id uuid PRIMARY KEY,
    origin text NOT NULL,
    blind bytea NOT NULL,
    size bigint NOT NULL DEFAULT 0,
    edge bytea NOT NULL DEFAULT '',
    signed_size bigint NOT NULL DEFAULT 0,
    published_size bigint NOT NULL DEFAULT 0,
    refused text
) WITH (fillfactor = 50);
COMMENT ON COLUMN tree.edge IS 'Roots of the complete subtrees of the tree, the largest first.';
COMMENT ON COLUMN tree.blind IS 'Random; hides the origin in the log of checkpoints.';
COMMENT ON COLUMN tree.published_size IS 'Checkpoints up to this size are in the log of checkpoints.';
COMMENT ON COLUMN tree.refused IS 'Why nothing is signed any more; a new origin clears it.';

CREATE INDEX tree_unpublished ON tree (company_id) WHERE signed_size > published_size;

CREATE TABLE tree_leaves (
    company_id uuid NOT NULL,
    first bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (company_id, first)
);
COMMENT ON TABLE tree_leaves IS 'Leaf hashes as they were sealed, from leaf number `first` (counted from 0) on.';

CREATE TABLE tree_node (
    company_id uuid NOT NULL,
    level integer NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (company_id, level, number)
);
COMMENT ON TABLE tree_node IS 'Hash `number` of level `level` of the tiles: the root of a full tile of the level below.';

CREATE TABLE checkpoint (
    company_id uuid NOT NULL,
    size bigint NOT NULL,
    origin text NOT NULL,
    note text NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, size, origin)
);

CREATE TABLE checkpoint_entry (
    position bigint PRIMARY KEY,
    entry bytea NOT NULL CHECK (octet_length(entry) <= 65535)
);
COMMENT ON TABLE checkpoint_entry IS 'The log of signed checkpoints of the whole installation, with blinded origins.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tree_leaves', 'tree_node', 'checkpoint', 'checkpoint_entry'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW '
            'EXECUTE FUNCTION refuse_event_change()', name || '_is_append_only', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT '
            'EXECUTE FUNCTION refuse_event_change()', name || '_is_never_truncated', name);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON tree TO factorlog_app;
GRANT SELECT, INSERT ON tree_leaves, tree_node, checkpoint, checkpoint_entry TO factorlog_app;
