-- What was given up is rare and looked for at every scrape; what was done stays in the table and is most of it.
CREATE INDEX effect_failed ON effect (kind) WHERE failed_at IS NOT NULL;
