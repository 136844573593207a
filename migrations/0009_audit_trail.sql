-- The audit trail: its search, and the end of old traces. Before the roll-out: the last version works on beside it.

-- Times rise with positions, so a period is two positions.
CREATE INDEX audit_trail_1_at ON audit_trail_1 (company_id, at);
CREATE INDEX audit_trail_1_type ON audit_trail_1 (company_id, type, position);

-- All that a row is found by. No word begins with a space, so what a person types never matches a mark. The company
-- is one of them: another one's rows cost a search nothing.
CREATE FUNCTION audit_marks(
    p_company uuid, p_type text, p_subject uuid, p_actor uuid, p_ip text, p_words tsvector
) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(p_words, ''::tsvector) || array_to_tsvector(array_remove(ARRAY[
        ' c' || p_company::text, ' t' || p_type, ' s' || p_subject::text, ' a' || p_actor::text, ' i' || p_ip
    ], NULL))
$$;

CREATE INDEX audit_trail_1_marks ON audit_trail_1
    USING gin (audit_marks(company_id, type, subject_id, actor_id, ip, words));

-- Positions, newest first, of what is rare. Such an index can only be read as a whole, and the planner, which does not
-- know how rare it is, would rather walk through the company: so it is told to.
CREATE FUNCTION audit_found(
    p_company uuid, p_marks tsquery, p_from bigint, p_before bigint, p_limit integer
) RETURNS SETOF bigint LANGUAGE sql STABLE
SET enable_bitmapscan = on SET enable_indexscan = off SET enable_indexonlyscan = off SET enable_seqscan = off
AS $$
    WITH found AS MATERIALIZED (
        SELECT t.company_id, t.position
        FROM audit_trail_1 AS t
        WHERE audit_marks(t.company_id, t.type, t.subject_id, t.actor_id, t.ip, t.words) @@ p_marks
    )
    SELECT f.position
    FROM found AS f
    WHERE f.company_id = p_company AND f.position >= p_from AND f.position < p_before
    ORDER BY f.position DESC
    LIMIT p_limit
$$;
REVOKE ALL ON FUNCTION audit_found FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_found TO factorlog_app;

-- The end of old traces. The marker in the log and the end of the key are one act, whoever writes the marker; and what
-- is gone is never made again, so that a late append cannot bring a month back.
CREATE TABLE destroyed_month (
    company_id uuid NOT NULL,
    month text NOT NULL,
    PRIMARY KEY (company_id, month)
);
CREATE INDEX trace_key_by_month ON trace_key (month);
GRANT SELECT ON destroyed_month TO factorlog_app;

-- As the owner: the application may not take a key away in any other way.
CREATE FUNCTION destroy_traces() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    p_company uuid := NEW.company_id;
    v_month text := convert_from(NEW.entry, 'UTF8')::jsonb #>> '{data,month}';
BEGIN
    INSERT INTO destroyed_month (company_id, month) VALUES (p_company, v_month) ON CONFLICT DO NOTHING;
    DELETE FROM trace_key k WHERE k.company_id = p_company AND k.month = v_month;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION destroy_traces FROM PUBLIC;
CREATE TRIGGER traces_are_destroyed AFTER INSERT ON event
    FOR EACH ROW WHEN (NEW.type = 'TracesDestroyed') EXECUTE FUNCTION destroy_traces();

-- The month's key: this one when there is none yet, none when it was destroyed. Two statements: what the lock waited
-- for is seen by the second one.
CREATE FUNCTION offer_trace_key(p_company uuid, p_month text, p_wrapped bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM company_log l WHERE l.company_id = p_company FOR SHARE;
    INSERT INTO trace_key (company_id, month, wrapped)
    SELECT p_company, p_month, p_wrapped
    WHERE NOT EXISTS (SELECT FROM destroyed_month d WHERE d.company_id = p_company AND d.month = p_month)
    ON CONFLICT DO NOTHING;
END $$;
REVOKE ALL ON FUNCTION offer_trace_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offer_trace_key TO factorlog_app;
