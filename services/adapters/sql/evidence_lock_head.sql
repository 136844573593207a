-- $1 company: locks its head row until commit, so that no fact is appended while a state is written.
SELECT position FROM company_log WHERE company_id = $1 FOR NO KEY UPDATE
