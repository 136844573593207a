-- Takes one try of every limit, or of none when one is used up; a refused try is counted apart.
CREATE FUNCTION throttle_reserve(
    p_subject bytea[], p_tries integer[], p_window integer[], p_now timestamptz,
    OUT wait_seconds double precision, OUT first_refusal boolean, OUT tried integer
) LANGUAGE plpgsql AS $$
DECLARE
    v_row throttle%ROWTYPE;
    v_end timestamptz;
BEGIN
    wait_seconds := 0;
    first_refusal := false;
    tried := 0;
    FOR i IN 1 .. cardinality(p_subject) LOOP
        INSERT INTO throttle AS t (subject, window_from, tries) VALUES (p_subject[i], p_now, 1)
        ON CONFLICT (subject) DO UPDATE SET
            window_from = CASE
                WHEN t.window_from + make_interval(secs => p_window[i]) <= p_now THEN p_now ELSE t.window_from
            END,
            tries = CASE WHEN t.window_from + make_interval(secs => p_window[i]) <= p_now THEN 1 ELSE t.tries + 1 END,
            refused = CASE WHEN t.window_from + make_interval(secs => p_window[i]) <= p_now THEN 0 ELSE t.refused END
        RETURNING * INTO v_row;
        IF v_row.tries > p_tries[i] THEN
            v_end := v_row.window_from + make_interval(secs => p_window[i]);
            IF v_row.refused = 0 THEN
                first_refusal := true;
            END IF;
            tried := greatest(tried, v_row.tries);
            wait_seconds := greatest(wait_seconds, extract(epoch FROM v_end - p_now), 1);
            UPDATE throttle SET refused = refused + 1 WHERE subject = p_subject[i];
        END IF;
    END LOOP;
    IF wait_seconds > 0 THEN
        UPDATE throttle SET tries = greatest(tries - 1, 0) WHERE subject = ANY (p_subject);
    END IF;
END $$;

REVOKE ALL ON FUNCTION throttle_reserve FROM PUBLIC;
GRANT EXECUTE ON FUNCTION throttle_reserve TO factorlog_app;
