-- Companies, policy, roles, API clients. Before the roll-out: the append of the last version stays beside the new one.

-- What lists, filters and searches look at, as an index holds it. Text and times as in the state document.
CREATE TYPE listed_user AS (
    gone boolean,
    has_key boolean,
    ordered boolean,
    override_until timestamptz,
    policy_met_at timestamptz,
    counts_from timestamptz,
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
        (p_doc #>> '{override,until}')::timestamptz,
        (p_doc ->> 'policy_met_at')::timestamptz,
        coalesce(p_doc ->> 'counts_from', p_doc ->> 'created_at')::timestamptz,
        CASE WHEN NOT p_doc ? 'expired' THEN (p_doc ->> 'expiration_at')::timestamptz END,
        p_doc #>> '{override,kind}',
        coalesce(p_doc ->> 'role', 'user'),
        lower(p_doc ->> 'login'),
        lower(p_doc ->> 'email')
    );
END $$;

-- Generated, so that no writer of whatever version can forget it; a column, so that a sign-in, which changes nothing of
-- it, touches no index; one column, because Postgres reads each one's expression anew at every write: measured, eleven
-- of them double what an append costs Postgres, and this one adds a seventh.
ALTER TABLE user_state ADD listed listed_user GENERATED ALWAYS AS (listed_user(doc)) STORED;
-- Holds the whole column: a company of 50,000 is looked through in the index alone, in a quarter of the time.
CREATE INDEX user_by_login ON user_state (company_id, ((listed).login_key), stream_id) INCLUDE (listed)
    WHERE NOT (listed).gone;
-- As long as vacuum was there since the row changed: measured, it keeps that time within twice under steady sign-ins.
ALTER TABLE user_state SET (autovacuum_vacuum_scale_factor = 0.02);
-- Without the many, so that the few of a role are found by it whatever the planner believes.
CREATE INDEX user_by_role ON user_state (company_id, ((listed).role), stream_id)
    WHERE NOT (listed).gone AND (listed).role <> 'user';
CREATE INDEX user_expiring ON user_state (((listed).expires_at)) WHERE (listed).expires_at IS NOT NULL;

-- By the user first: with the company first, Postgres took it for the primary key's equal as long as there are no
-- statistics, and read all credentials of a company to find one.
DROP INDEX credential_of_user;
CREATE INDEX credential_of_user ON credential (user_id, company_id, kind);

ALTER TABLE company_state ADD name_key text GENERATED ALWAYS AS (lower(doc ->> 'name')) STORED;
CREATE INDEX company_by_name ON company_state (name_key, company_id) WHERE stream_id = company_id;

CREATE OR REPLACE FUNCTION append_alone(p_company uuid, p_now timestamptz, p_alone jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_user uuid := (p_alone ->> 'user_id')::uuid;
    v_count integer;
BEGIN
    IF p_alone ? 'idempotency' THEN
        INSERT INTO idempotency (company_id, caller, key, digest, subject_id, created_at)
        VALUES (
            p_company, p_alone #>> '{idempotency,caller}', p_alone #>> '{idempotency,key}',
            decode(p_alone #>> '{idempotency,digest}', 'hex'), v_user, p_now
        )
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_count = ROW_COUNT;
        IF v_count = 0 THEN
            RETURN 'replayed';
        END IF;
    END IF;
    IF p_alone ? 'claim_login' THEN
        INSERT INTO login (login_key, company_id, user_id) VALUES (p_alone ->> 'claim_login', p_company, v_user)
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_count = ROW_COUNT;
        IF v_count = 0 THEN
            -- A kept claim would answer a later try with a refusal that recorded nothing.
            DELETE FROM idempotency i WHERE i.company_id = p_company
                AND i.caller = p_alone #>> '{idempotency,caller}' AND i.key = p_alone #>> '{idempotency,key}';
            RETURN 'login_taken';
        END IF;
    END IF;
    IF p_alone ? 'unused_role' THEN
        PERFORM FROM user_state u WHERE u.company_id = p_company AND (u.listed).role = p_alone ->> 'unused_role'
            AND (u.listed).role <> 'user' AND NOT (u.listed).gone;
        IF FOUND THEN
            DELETE FROM idempotency i WHERE i.company_id = p_company
                AND i.caller = p_alone #>> '{idempotency,caller}' AND i.key = p_alone #>> '{idempotency,key}';
            RETURN 'role_in_use';
        END IF;
    END IF;
    IF p_alone ? 'end_everyone' THEN
        DELETE FROM credential k WHERE k.company_id = p_company
            AND k.kind IN (SELECT jsonb_array_elements_text(p_alone #> '{end_everyone,kinds}'))
            AND k.id IS DISTINCT FROM (p_alone #>> '{end_everyone,keep}')::uuid
            AND (p_alone #>> '{end_everyone,role}' IS NULL OR EXISTS (
                SELECT FROM user_state u WHERE u.company_id = p_company AND u.stream_id = k.user_id
                    AND (u.listed).role = p_alone #>> '{end_everyone,role}'
            ));
    END IF;
    IF p_alone ? 'person_key' THEN
        INSERT INTO person_key (company_id, user_id, wrapped)
        VALUES (p_company, v_user, decode(p_alone ->> 'person_key', 'hex'));
    END IF;
    IF p_alone ? 'forget' THEN
        DELETE FROM person_key WHERE company_id = p_company AND user_id = v_user;
        DELETE FROM login WHERE company_id = p_company AND user_id = v_user;
        DELETE FROM known_address WHERE company_id = p_company AND user_id = v_user;
        -- But not the claim of this very call: its answer is empty.
        DELETE FROM idempotency i WHERE i.company_id = p_company
            AND (i.subject_id = v_user OR i.caller = v_user::text)
            AND (i.caller, i.key) IS DISTINCT FROM (p_alone #>> '{idempotency,caller}', p_alone #>> '{idempotency,key}');
    END IF;
    RETURN 'appended';
END $$;

-- p_now … p_known_address have one element a command. The other groups are flat: p_events_to[i] is the index of the
-- last event of command i, and so on; a group of which no command has an element is NULL.
--
-- Locks the company's head row until commit, so the order of commits is the order of positions. The commands run in
-- their order, each seeing what the ones before it did. A command that is refused has written nothing.
--
-- A plain loop of single-row statements: measured, it costs half of the set-based form for one command a call, and
-- the same for thirty.
CREATE FUNCTION append(
    p_company uuid,
    p_now timestamptz[], p_stream uuid[], p_kind text[], p_expected bigint[], p_schema integer[],
    p_authority integer[], p_doc text[],
    p_caller uuid[], p_caller_secret bytea[], p_caller_company uuid[], p_actor uuid[], p_actor_authority integer[],
    p_spent_key uuid[], p_spent_step bigint[], p_known_address bytea[],
    p_events_to integer[], p_event_type text[], p_event_body bytea[],
    p_ends_to integer[], p_end_id uuid[],
    p_alls_to integer[], p_all_user uuid[], p_all_kinds text[], p_all_keep uuid[],
    p_news_to integer[], p_new_id uuid[], p_new_user uuid[], p_new_kind text[], p_new_secret bytea[],
    p_new_expires timestamptz[], p_new_seen timestamptz[], p_new_step bigint[], p_new_attributes text[],
    p_effects_to integer[], p_effect_event integer[], p_effect_kind text[], p_effect_target text[],
    p_done_position bigint[], p_done_kind text[], p_done_target text[], p_done_attempts integer[],
    p_done_failed boolean[],
    p_alone jsonb, p_company_version bigint[], p_caller_company_version bigint[],
    OUT statuses text[], OUT positions bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_head bigint;
    v_at timestamptz;
    v_before bigint;
    v_events integer := 0;
    v_from integer;
    v_version bigint;
    v_company_version bigint;
    v_status text;
    v_at_text text;
BEGIN
    SELECT l.position, l.at INTO v_head, v_at FROM company_log l WHERE l.company_id = p_company FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO company_log (company_id, position, at) VALUES (p_company, 0, '-infinity') ON CONFLICT DO NOTHING;
        SELECT l.position, l.at INTO v_head, v_at FROM company_log l WHERE l.company_id = p_company FOR NO KEY UPDATE;
    END IF;
    v_before := v_head;

    FOR i IN 1 .. cardinality(p_now) LOOP
        v_from := v_events + 1;
        v_events := p_events_to[i];
        v_status := 'appended';

        IF p_caller[i] IS NOT NULL THEN
            PERFORM FROM credential k WHERE k.company_id = p_caller_company[i] AND k.id = p_caller[i]
                AND k.secret = p_caller_secret[i] AND (k.expires_at IS NULL OR k.expires_at > p_now[i]);
            IF NOT FOUND THEN
                v_status := 'caller_gone';
            END IF;
        END IF;
        IF p_actor[i] IS NOT NULL THEN
            PERFORM FROM user_state u WHERE u.company_id = p_caller_company[i] AND u.stream_id = p_actor[i]
                AND u.authority = p_actor_authority[i];
            IF NOT FOUND THEN
                v_status := 'caller_gone';
            END IF;
        END IF;
        IF v_status = 'appended' AND p_company_version[i] IS NOT NULL THEN
            -- Policy, roles and suspension stand in the company's own state; the head lock keeps it as it is.
            IF v_company_version IS NULL THEN
                SELECT coalesce(max(c.version), 0) INTO v_company_version FROM company_state c
                WHERE c.company_id = p_company AND c.stream_id = p_company;
            END IF;
            IF v_company_version <> p_company_version[i] THEN
                v_status := 'conflict';
            END IF;
        END IF;
        IF v_status = 'appended' AND p_caller_company_version[i] IS NOT NULL THEN
            PERFORM FROM company_state c WHERE c.company_id = p_caller_company[i] AND c.stream_id = p_caller_company[i]
                AND c.version = p_caller_company_version[i];
            IF NOT FOUND THEN
                v_status := 'conflict';
            END IF;
        END IF;
        IF v_status = 'appended' AND p_spent_key[i] IS NOT NULL THEN
            PERFORM FROM credential k WHERE k.company_id = p_company AND k.id = p_spent_key[i]
                AND k.last_step < p_spent_step[i];
            IF NOT FOUND THEN
                v_status := 'step_spent';
            END IF;
        END IF;
        IF v_status = 'appended' AND p_done_position IS NOT NULL AND p_done_position[i] IS NOT NULL THEN
            -- Locked, so that no worker takes it over before it is marked below.
            PERFORM FROM effect e WHERE e.company_id = p_company AND e.position = p_done_position[i]
                AND e.kind = p_done_kind[i] AND e.target = p_done_target[i] AND e.attempts = p_done_attempts[i]
                AND e.done_at IS NULL AND e.failed_at IS NULL FOR NO KEY UPDATE;
            IF NOT FOUND THEN
                v_status := 'lost_lease';
            END IF;
        END IF;
        IF v_status = 'appended' AND p_alone IS NOT NULL THEN
            -- What goes alone writes before the state does, so the version is looked at first; the lock keeps it true.
            SELECT coalesce(max(x.version), 0) INTO v_version FROM (
                SELECT u.version FROM user_state u WHERE u.company_id = p_company AND u.stream_id = p_stream[i]
                UNION ALL
                SELECT c.version FROM company_state c WHERE c.company_id = p_company AND c.stream_id = p_stream[i]
            ) x;
            IF v_version <> p_expected[i] THEN
                v_status := 'conflict';
            ELSE
                v_status := append_alone(p_company, p_now[i], p_alone);
            END IF;
        END IF;
        IF v_status = 'appended' THEN
            -- The last check and the first write of a stream that has a state: its version.
            v_version := p_expected[i] + v_events - v_from + 1;
            IF p_doc[i] IS NULL THEN
                NULL;
            ELSIF p_kind[i] = 'user' AND p_expected[i] > 0 THEN
                UPDATE user_state u SET version = v_version, schema = p_schema[i], authority = p_authority[i],
                    doc = p_doc[i]::jsonb
                WHERE u.company_id = p_company AND u.stream_id = p_stream[i] AND u.version = p_expected[i];
            ELSIF p_kind[i] = 'user' THEN
                INSERT INTO user_state (company_id, stream_id, version, schema, authority, doc)
                VALUES (p_company, p_stream[i], v_version, p_schema[i], p_authority[i], p_doc[i]::jsonb)
                ON CONFLICT DO NOTHING;
            ELSIF p_expected[i] > 0 THEN
                UPDATE company_state u SET version = v_version, schema = p_schema[i], doc = p_doc[i]::jsonb
                WHERE u.company_id = p_company AND u.stream_id = p_stream[i] AND u.version = p_expected[i];
            ELSE
                INSERT INTO company_state (company_id, stream_id, version, schema, doc)
                VALUES (p_company, p_stream[i], v_version, p_schema[i], p_doc[i]::jsonb)
                ON CONFLICT DO NOTHING;
            END IF;
            IF p_doc[i] IS NOT NULL AND NOT FOUND THEN
                v_status := 'conflict';
            END IF;
        END IF;
        statuses[i] := v_status;
        positions[i] := NULL;
        CONTINUE WHEN v_status <> 'appended';
        positions[i] := v_head + 1;
        IF p_stream[i] = p_company THEN
            v_company_version := v_version;
        END IF;

        FOR e IN v_from .. v_events LOOP
            v_head := v_head + 1;
            v_at := greatest(p_now[i], v_at + interval '1 microsecond');
            v_at_text := to_char(v_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
            INSERT INTO event (company_id, position, stream_id, version, type, entry)
            VALUES (
                p_company, v_head, p_stream[i], p_expected[i] + e - v_from + 1, p_event_type[e],
                convert_to('{"position":' || v_head || ',"at":"' || v_at_text || '",', 'UTF8') || p_event_body[e]
            );
        END LOOP;
        IF p_done_position IS NOT NULL AND p_done_position[i] IS NOT NULL THEN
            UPDATE effect e SET outcomes = e.outcomes + 1, lease_until = NULL,
                done_at = CASE WHEN p_done_failed[i] THEN NULL ELSE p_now[i] END,
                failed_at = CASE WHEN p_done_failed[i] THEN p_now[i] END
            WHERE e.company_id = p_company AND e.position = p_done_position[i] AND e.kind = p_done_kind[i]
                AND e.target = p_done_target[i];
        END IF;
        IF p_spent_key[i] IS NOT NULL THEN
            UPDATE credential k SET last_step = p_spent_step[i]
            WHERE k.company_id = p_company AND k.id = p_spent_key[i] AND k.last_step < p_spent_step[i];
        END IF;
        IF p_ends_to IS NOT NULL THEN
            FOR e IN coalesce(p_ends_to[i - 1], 0) + 1 .. p_ends_to[i] LOOP
                DELETE FROM credential k WHERE k.company_id = p_company AND k.id = p_end_id[e];
            END LOOP;
        END IF;
        IF p_alls_to IS NOT NULL THEN
            FOR e IN coalesce(p_alls_to[i - 1], 0) + 1 .. p_alls_to[i] LOOP
                DELETE FROM credential k WHERE k.company_id = p_company AND k.user_id = p_all_user[e]
                    AND k.kind = ANY (string_to_array(p_all_kinds[e], ',')) AND k.id IS DISTINCT FROM p_all_keep[e];
            END LOOP;
        END IF;
        IF p_news_to IS NOT NULL THEN
            FOR e IN coalesce(p_news_to[i - 1], 0) + 1 .. p_news_to[i] LOOP
                INSERT INTO credential (company_id, id, user_id, kind, secret, expires_at, seen_at, last_step, attributes)
                VALUES (
                    p_company, p_new_id[e], p_new_user[e], p_new_kind[e], p_new_secret[e], p_new_expires[e],
                    p_new_seen[e], p_new_step[e], p_new_attributes[e]::jsonb
                );
            END LOOP;
        END IF;
        IF p_known_address IS NOT NULL AND p_known_address[i] IS NOT NULL THEN
            INSERT INTO known_address (company_id, user_id, address)
            VALUES (p_company, p_stream[i], p_known_address[i]) ON CONFLICT DO NOTHING;
        END IF;
        IF p_effects_to IS NOT NULL THEN
            FOR e IN coalesce(p_effects_to[i - 1], 0) + 1 .. p_effects_to[i] LOOP
                INSERT INTO effect (company_id, position, kind, target, due_at)
                VALUES (p_company, positions[i] + p_effect_event[e], p_effect_kind[e], p_effect_target[e], p_now[i]);
            END LOOP;
        END IF;
    END LOOP;

    IF v_head <> v_before THEN
        UPDATE company_log l SET position = v_head, at = v_at WHERE l.company_id = p_company;
    END IF;
END $$;

-- Both forms of it have one name, and a grant has to tell them apart.
DO $$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.proname = 'append' AND p.pronargs = 46 LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO factorlog_app', v_function);
    END LOOP;
END $$;
