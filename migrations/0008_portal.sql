-- What the portal's start page asks. Before the roll-out: the last version works on beside it.

-- The count of how users stand, and the filter for those who are locked out, look at the index alone. One column as
-- before, with more in it: a second one would cost every append once more what the first does.

DROP INDEX user_by_login, user_by_role, user_expiring;
ALTER TABLE user_state DROP COLUMN listed;
DROP FUNCTION listed_user(jsonb);
DROP TYPE listed_user;

-- Everything that the last version's statements name has its old name.
CREATE TYPE listed_user AS (
    gone boolean,
    has_key boolean,
    ordered boolean,
    deactivated boolean,
    closed boolean,
    locked_until timestamptz,
    order_expires_at timestamptz,
    override_until timestamptz,
    policy_met_at timestamptz,
    counts_from timestamptz,
    activation_at timestamptz,
    expiration_at timestamptz,
    expires_at timestamptz,
    override text,
    role text,
    login_key text,
    email_key text
);

CREATE FUNCTION listed_user(p_doc jsonb) RETURNS listed_user LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    -- Immutable, as every time in a document names its zone. Names no type of ours: a restored dump has no search path.
    RETURN (
        coalesce((p_doc ->> 'erased')::boolean, false),
        p_doc ? 'key',
        p_doc ? 'order' AND NOT coalesce((p_doc #>> '{order,by_policy}')::boolean, false),
        coalesce((p_doc ->> 'deactivated')::boolean, false),
        coalesce((p_doc #>> '{ladder,disabled}')::boolean, false),
        (p_doc #>> '{ladder,until}')::timestamptz,
        (p_doc #>> '{order,expires_at}')::timestamptz,
        (p_doc #>> '{override,until}')::timestamptz,
        (p_doc ->> 'policy_met_at')::timestamptz,
        coalesce(p_doc ->> 'counts_from', p_doc ->> 'created_at')::timestamptz,
        (p_doc ->> 'activation_at')::timestamptz,
        (p_doc ->> 'expiration_at')::timestamptz,
        CASE WHEN NOT p_doc ? 'expired' THEN (p_doc ->> 'expiration_at')::timestamptz END,
        p_doc #>> '{override,kind}',
        coalesce(p_doc ->> 'role', 'user'),
        lower(p_doc ->> 'login'),
        lower(p_doc ->> 'email')
    );
END $$;

-- A wrong code changes none of it; a pause or a lock does, and few of them come.
ALTER TABLE user_state ADD listed listed_user GENERATED ALWAYS AS (listed_user(doc)) STORED;
-- Behind the order of logins stand what filters and counts ask: measured, a third of the time that it takes to look
-- each of them up in the column, which is there so that Postgres knows the index to hold it all.
CREATE INDEX user_by_login ON user_state (
    company_id, ((listed).login_key), stream_id,
    ((listed).has_key), ((listed).ordered), ((listed).deactivated), ((listed).closed), ((listed).locked_until),
    ((listed).order_expires_at), ((listed).override_until), ((listed).policy_met_at), ((listed).counts_from),
    ((listed).activation_at), ((listed).expiration_at), ((listed).override), ((listed).role), ((listed).email_key)
) INCLUDE (listed) WHERE NOT (listed).gone;
CREATE INDEX user_by_role ON user_state (company_id, ((listed).role), stream_id)
    WHERE NOT (listed).gone AND (listed).role <> 'user';
CREATE INDEX user_expiring ON user_state (((listed).expires_at)) WHERE (listed).expires_at IS NOT NULL;

-- Sign-ins of a company by the hour, as they stand in its audit trail: counted there, half a month of a large company
-- would take a tenth of a second. By the hour, as every reader's day begins at another one.
CREATE TABLE sign_in_hour (
    company_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    refused boolean NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (company_id, hour, refused)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON sign_in_hour TO factorlog_app;

-- By whatever writes the trail, so that the two never differ: the projector, a repair, or an older version. Sorted, so
-- that two of them take the same rows in the same order.
CREATE FUNCTION count_sign_ins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sign_in_hour AS h (company_id, hour, refused, events)
    SELECT c.company_id, date_trunc('hour', c.at, 'UTC'), c.type <> 'SignedIn', TG_ARGV[0]::integer * count(*)
    FROM changed AS c
    WHERE c.type IN ('SignedIn', 'PasswordRejected', 'CodeRejected', 'SignInRefused')
    GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3
    ON CONFLICT (company_id, hour, refused) DO UPDATE SET events = h.events + excluded.events;
    RETURN NULL;
END $$;
CREATE TRIGGER sign_ins_are_counted AFTER INSERT ON audit_trail_1
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_sign_ins('1');
CREATE TRIGGER sign_ins_are_taken_back AFTER DELETE ON audit_trail_1
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_sign_ins('-1');

INSERT INTO sign_in_hour (company_id, hour, refused, events)
SELECT t.company_id, date_trunc('hour', t.at, 'UTC'), t.type <> 'SignedIn', count(*)
FROM audit_trail_1 AS t
WHERE t.type IN ('SignedIn', 'PasswordRejected', 'CodeRejected', 'SignInRefused')
GROUP BY 1, 2, 3;
