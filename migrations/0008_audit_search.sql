-- The search in the audit trail. Before the roll-out: the last version writes and reads beside it as before.

-- Times rise with positions, so a period is two positions.
CREATE INDEX audit_trail_1_at ON audit_trail_1 (company_id, at);
CREATE INDEX audit_trail_1_type ON audit_trail_1 (company_id, type, position);

-- All that a row is found by. No word begins with a space, so what a person types never matches a mark. The company
-- is one of them: another one's rows cost a search nothing.
CREATE FUNCTION audit_marks(
    p_company uuid, p_type text, p_subject uuid, p_actor uuid, p_ip text, p_words tsvector
) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(p_words, ''::tsvector) || array_to_tsvector(array_remove(ARRAY[
    ' c' || p_company::text, ' t' || p_type, ' s' || p_subject::text, ' a' || p_actor::text, ' i' || p_ip
], NULL));

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
