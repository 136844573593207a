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

-- A person's key is destroyed, by whatever path: the files of the company go in the same commit, and their effects are
-- due again. A member of the provider may stand in the files of every company, so all of them go. Who stores a file
-- locks the keys of those who stand in it: it comes before this, or finds a key missing.
CREATE FUNCTION forget_reports() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_provider boolean;
BEGIN
    SELECT coalesce((c.doc ->> 'provider')::boolean, false) INTO v_provider
    FROM company_state c WHERE c.company_id = OLD.company_id AND c.stream_id = OLD.company_id;
    DELETE FROM report_file f WHERE f.company_id = OLD.company_id OR v_provider;
    -- One more attempt fences off a worker that has stored its file and not said so yet; what is settled begins anew,
    -- and its count of outcomes fences off who worked on it before.
    UPDATE effect e SET done_at = NULL, failed_at = NULL, lease_until = NULL,
        attempts = CASE WHEN e.done_at IS NULL AND e.failed_at IS NULL THEN e.attempts + 1 ELSE 0 END
    WHERE (e.company_id = OLD.company_id OR v_provider) AND e.kind = 'build_report'
        AND (e.done_at IS NOT NULL OR e.failed_at IS NOT NULL OR e.lease_until IS NOT NULL);
    RETURN NULL;
END $$;

CREATE TRIGGER person_key_takes_reports_along AFTER DELETE ON person_key
    FOR EACH ROW EXECUTE FUNCTION forget_reports();
