-- How often this installation was set back to an older backup. Before the roll-out.
CREATE TABLE installation (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch bigint NOT NULL
);
COMMENT ON TABLE installation IS 'One row. The journal outside of the database holds the same number.';
INSERT INTO installation (epoch) VALUES (1);
GRANT SELECT, UPDATE (epoch) ON installation TO factorlog_app;
