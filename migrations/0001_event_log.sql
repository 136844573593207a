-- The log, the folded state beside it, and what the restricted role may do with them.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'factorlog_app') THEN
        CREATE ROLE factorlog_app NOLOGIN;
    END IF;
END $$;

CREATE TABLE company_log (
    company_id uuid PRIMARY KEY,
    position bigint NOT NULL,
    at timestamptz NOT NULL
) WITH (fillfactor = 30);
COMMENT ON TABLE company_log IS 'Last position given in each company: the serialisation point of its log.';

CREATE TABLE event (
    company_id uuid NOT NULL,
    position bigint NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    entry bytea NOT NULL CHECK (octet_length(entry) <= 65535),
    PRIMARY KEY (company_id, position),
    UNIQUE (company_id, stream_id, version)
);
COMMENT ON COLUMN event.entry IS 'The exact bytes that are hashed; the columns beside it are index copies.';

CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_is_never_truncated BEFORE TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change();

CREATE TABLE user_state (
    company_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    schema integer NOT NULL,
    authority integer NOT NULL,
    doc jsonb NOT NULL,
    PRIMARY KEY (company_id, stream_id)
) WITH (fillfactor = 70);
COMMENT ON COLUMN user_state.authority IS 'Raised by changes of role, rights and state; an act relies on the actor''s.';

CREATE TABLE company_state (
    company_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    schema integer NOT NULL,
    doc jsonb NOT NULL,
    PRIMARY KEY (company_id, stream_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE company_state IS 'The same for the company''s own streams: its settings, and its refused sign-ins.';

CREATE TABLE credential (
    company_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    secret bytea NOT NULL,
    expires_at timestamptz,
    seen_at timestamptz,
    last_step bigint,
    attributes jsonb NOT NULL,
    PRIMARY KEY (company_id, id)
) WITH (fillfactor = 70);
CREATE INDEX credential_of_user ON credential (company_id, user_id, kind);

CREATE TABLE effect (
    company_id uuid NOT NULL,
    position bigint NOT NULL,
    kind text NOT NULL,
    target text NOT NULL,
    due_at timestamptz NOT NULL,
    lease_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    outcomes integer NOT NULL DEFAULT 0,
    done_at timestamptz,
    failed_at timestamptz,
    last_error text,
    PRIMARY KEY (company_id, position, kind, target)
);
CREATE INDEX effect_open ON effect (kind, due_at) WHERE done_at IS NULL AND failed_at IS NULL;

CREATE TABLE login (
    login_key text PRIMARY KEY,
    company_id uuid NOT NULL,
    user_id uuid NOT NULL
);

CREATE TABLE known_address (
    company_id uuid NOT NULL,
    user_id uuid NOT NULL,
    address bytea NOT NULL,
    PRIMARY KEY (company_id, user_id, address)
);

CREATE TABLE person_key (
    company_id uuid NOT NULL,
    user_id uuid NOT NULL,
    wrapped bytea NOT NULL,
    PRIMARY KEY (company_id, user_id)
);

CREATE TABLE trace_key (
    company_id uuid NOT NULL,
    month text NOT NULL,
    wrapped bytea NOT NULL,
    PRIMARY KEY (company_id, month)
);

CREATE TABLE installation_key (
    name text PRIMARY KEY,
    wrapped bytea NOT NULL
);
COMMENT ON TABLE installation_key IS 'Wrapped keys of the whole installation, such as the pepper of keyed hashes.';

CREATE TABLE idempotency (
    company_id uuid NOT NULL,
    caller text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    subject_id uuid,
    status integer,
    answer bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, caller, key)
);
CREATE INDEX idempotency_of_subject ON idempotency (company_id, subject_id);

CREATE TABLE throttle (
    subject bytea NOT NULL,
    window_from timestamptz NOT NULL,
    tries integer NOT NULL,
    refused integer NOT NULL DEFAULT 0,
    PRIMARY KEY (subject)
) WITH (fillfactor = 50);

CREATE TABLE projection (
    company_id uuid NOT NULL,
    name text NOT NULL,
    position bigint NOT NULL,
    stopped text,
    PRIMARY KEY (company_id, name)
) WITH (fillfactor = 50);

CREATE TABLE audit_trail_1 (
    company_id uuid NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    subject_id uuid,
    actor_id uuid,
    actor_kind text NOT NULL,
    ip text,
    user_agent text,
    reason text,
    words tsvector,
    PRIMARY KEY (company_id, position)
);
CREATE INDEX audit_trail_1_subject ON audit_trail_1 (company_id, subject_id, position);
CREATE INDEX audit_trail_1_actor ON audit_trail_1 (company_id, actor_id, position);

GRANT USAGE ON SCHEMA public TO factorlog_app;
GRANT SELECT, INSERT ON event, installation_key TO factorlog_app;
GRANT SELECT, INSERT, UPDATE ON company_log, user_state, company_state, trace_key TO factorlog_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON credential, effect, login, known_address, person_key, idempotency, throttle,
    projection, audit_trail_1 TO factorlog_app;
