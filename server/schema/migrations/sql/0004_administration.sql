-- What administration needs: names that are compared in one form, versions, retired services and counters, and the texts that
-- a counter's sign and a service's card show. The revision's Python computes the forms of names that are there already.

-- `name_key` and `display_key` are the normal forms of the names (core/texts.py). `must_change_password`: another person set it.
ALTER TABLE users
    ADD COLUMN name_key text,
    ADD COLUMN display_key text,
    ADD COLUMN must_change_password boolean NOT NULL DEFAULT false;

-- Names of devices may be the same: their codes tell them apart.
ALTER TABLE devices ADD COLUMN name_key text;

-- `name_key` is null for a name that was imported twice. `next_prefix` applies from the line's next business day on. A service that
-- was retired on a business day keeps its past; its code and prefix are free from the next day on. `card_group` is the card's
-- group, `where_to_wait` a text for each language, `wait_target_minutes` how long a patient should wait at most.
ALTER TABLE services
    ADD COLUMN name_key text,
    ADD COLUMN next_prefix number_prefix,
    ADD COLUMN card_group text,
    ADD COLUMN where_to_wait jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN wait_target_minutes positive_integer,
    ADD COLUMN retired_on date;

-- `sign` is what the wall shows large; `words` ("Room 12"), `place` ("first floor") and `short` are texts for each language.
ALTER TABLE counters
    ADD COLUMN name_key text,
    ADD COLUMN sign text,
    ADD COLUMN words jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN place jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN short jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN retired_on date;

ALTER TABLE settings ADD COLUMN site_version bigint NOT NULL DEFAULT 1;

DROP INDEX idx_unique_username, idx_unique_display_name;
CREATE UNIQUE INDEX idx_unique_username ON users (name_key);
CREATE UNIQUE INDEX idx_unique_display_name ON users (display_key);
CREATE INDEX idx_device_name ON devices (name_key);

-- What is retired keeps its code.
ALTER TABLE services DROP CONSTRAINT services_code_key, DROP CONSTRAINT services_prefix_key;
CREATE UNIQUE INDEX idx_unique_service_code ON services (code) WHERE retired_on IS NULL;
CREATE UNIQUE INDEX idx_unique_service_prefix ON services (prefix) WHERE retired_on IS NULL;
CREATE UNIQUE INDEX idx_unique_service_name ON services (name_key) WHERE retired_on IS NULL;
ALTER TABLE counters DROP CONSTRAINT counters_code_key;
CREATE UNIQUE INDEX idx_unique_counter_code ON counters (code) WHERE retired_on IS NULL;
CREATE UNIQUE INDEX idx_unique_counter_name ON counters (name_key) WHERE retired_on IS NULL;

-- What changed since a version (refuse_if_edited).
CREATE INDEX idx_admin_subject ON admin_events (subject, id);
