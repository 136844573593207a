-- Compliance reports: how far their making is, and the files, sealed.

CREATE TABLE report_progress (
    company_id uuid NOT NULL,
    report_id uuid NOT NULL,
    position bigint NOT NULL,
    done bigint NOT NULL,
    total bigint NOT NULL,
    PRIMARY KEY (company_id, report_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE report_progress IS 'Entries looked through, of those that a report has to look through, up to its position.';

CREATE TABLE report_file (
    company_id uuid NOT NULL,
    report_id uuid NOT NULL,
    part integer NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (company_id, report_id, part)
);
ALTER TABLE report_file ALTER COLUMN sealed SET STORAGE EXTERNAL;
COMMENT ON TABLE report_file IS 'Built reports in parts, sealed; each can be made anew from the log.';

GRANT SELECT, INSERT, UPDATE, DELETE ON report_progress, report_file TO factorlog_app;

-- Somebody of the company is erased: its files go, and their effects are due again. A member of the provider may
-- stand in the files of every company, so all of them go. After the person's key, in the same transaction: who stores
-- a file locks the keys of those who stand in it, so it comes before this or finds a key missing.
CREATE FUNCTION forget_reports(p_company uuid, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_provider boolean;
BEGIN
    SELECT coalesce((c.doc ->> 'provider')::boolean, false) INTO v_provider
    FROM company_state c WHERE c.company_id = p_company AND c.stream_id = p_company;
    DELETE FROM report_file f WHERE f.company_id = p_company OR v_provider;
    -- One more attempt fences off a worker that has stored its file and not said so yet.
    UPDATE effect e SET done_at = NULL, failed_at = NULL, lease_until = NULL, due_at = p_now, attempts = e.attempts + 1
    WHERE (e.company_id = p_company OR v_provider) AND e.kind = 'build_report'
        AND (e.done_at IS NOT NULL OR e.failed_at IS NOT NULL OR e.lease_until IS NOT NULL);
END $$;
REVOKE ALL ON FUNCTION forget_reports FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_reports TO factorlog_app;
