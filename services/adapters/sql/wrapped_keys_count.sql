-- How many wrapped data keys there are; a rotation is of the whole installation.
SELECT
    (SELECT count(*) FROM person_key) + (SELECT count(*) FROM trace_key) + (SELECT count(*) FROM installation_key)
