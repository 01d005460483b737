-- The site's day: `day_closes` is when a schedule closes it (null: nobody but an administrator does), `closed_day` the last
-- business day that was closed.
ALTER TABLE settings ADD COLUMN day_closes time, ADD COLUMN closed_day date NOT NULL DEFAULT '-infinity';

-- Configuration checks itself by its types: a row's CHECKs are evaluated again with every event that changes its line.
CREATE DOMAIN site_code AS text CONSTRAINT chk_code CHECK (VALUE ~ '^[A-Za-z0-9_-]{1,32}$');
CREATE DOMAIN number_prefix AS text CONSTRAINT chk_prefix CHECK (VALUE ~ '^[A-Z]{1,3}$');
CREATE DOMAIN open_state AS text CONSTRAINT chk_state CHECK (VALUE IN ('open', 'paused', 'closed'));
CREATE DOMAIN positive_integer AS integer CONSTRAINT chk_positive CHECK (VALUE > 0);
DROP TRIGGER services_config ON services;
ALTER TABLE services DROP CONSTRAINT chk_code, DROP CONSTRAINT chk_prefix, DROP CONSTRAINT chk_pace;
ALTER TABLE services ALTER code TYPE site_code, ALTER prefix TYPE number_prefix,
    ALTER configured_pace_seconds TYPE positive_integer, ALTER pace_seconds TYPE positive_integer;

-- A service's own state, set by a person; opening hours and quota come on top (service_state). `issued` counts the business
-- day's numbers. `held_numbers` are those that live tickets of earlier days still held when the business day began.
-- A no-show sends a patient to the end of the line until they were called `no_show_calls` times, and then off.
ALTER TABLE services
    ADD COLUMN state open_state NOT NULL DEFAULT 'open',
    ADD COLUMN no_show_calls positive_integer NOT NULL DEFAULT 1,
    ADD COLUMN daily_quota positive_integer,
    ADD COLUMN issued integer NOT NULL DEFAULT 0,
    ADD COLUMN held_numbers integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN pace_spread_seconds integer,
    ADD COLUMN pace_samples integer NOT NULL DEFAULT 0;
UPDATE services SET state = 'closed' WHERE NOT is_open;
UPDATE services s SET
    issued = (SELECT count(*) FROM tickets t WHERE t.origin_service_id = s.id AND t.business_day = s.business_day),
    held_numbers = (SELECT coalesce(array_agg(DISTINCT t.number_value), '{}') FROM tickets t
        WHERE t.origin_service_id = s.id AND t.business_day < s.business_day AND t.status IN ('waiting', 'consulting', 'parked'));
ALTER TABLE services DROP COLUMN is_open;

-- When tickets are issued: local times of the site, weekday 1 is Monday. `closes` at or before `opens` is the next day's.
-- The last ticket is issued `last_ticket_minutes` before the end. A service without a row is always open.
CREATE TABLE opening_hours (
    service_id bigint NOT NULL REFERENCES services ON DELETE CASCADE,
    weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    opens time NOT NULL,
    closes time NOT NULL,
    last_ticket_minutes integer NOT NULL DEFAULT 0 CHECK (last_ticket_minutes >= 0),
    PRIMARY KEY (service_id, weekday, opens)
);

-- Holidays: no tickets on these days of the calendar, for one service or (null) for all.
CREATE TABLE closed_days (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_id bigint REFERENCES services ON DELETE CASCADE,
    day date NOT NULL,
    CONSTRAINT idx_unique_closed_day UNIQUE NULLS NOT DISTINCT (service_id, day)
);

-- `placed_by_hand`: a person chose the place (move, transfer first or last, no-show to the end), so that the rank is a
-- neighbour's. `parked_reason` is personal data.
ALTER TABLE tickets
    ADD COLUMN placed_by_hand boolean NOT NULL DEFAULT false,
    ADD COLUMN parked_reason text;

-- A word, never free text: why the system's own acts happened ("day_closed", "no_show").
ALTER TABLE queue_events ADD COLUMN reason text;

-- What an undo needs: the tickets as they were before the operation, without personal data. Null: nothing to undo.
ALTER TABLE requests ADD COLUMN undo jsonb;

-- What patients were told when they joined, to be compared with what came (estimate_accuracy).
CREATE TABLE wait_estimates (
    ticket_id uuid PRIMARY KEY REFERENCES tickets ON DELETE CASCADE,
    service_id bigint NOT NULL REFERENCES services,
    told_at timestamptz NOT NULL,
    low_seconds integer NOT NULL CHECK (low_seconds >= 0),
    high_seconds integer NOT NULL CHECK (high_seconds >= low_seconds),
    waited_seconds integer CHECK (waited_seconds >= 0)
);
CREATE INDEX idx_wait_estimates_told ON wait_estimates (service_id, told_at);

-- A shift moves every index entry of a row: the numbers still held are in `services.held_numbers` now.
DROP INDEX idx_live_numbers;
-- Only get_next_queue_position says `rank_class >= 0`, so only it can use this index: without statistics, in a clinic's first
-- hours, a place would otherwise be looked for here too, through the whole line.
DROP INDEX idx_waiting_rank;
CREATE INDEX idx_waiting_rank ON tickets (service_id, rank_class, rank_time, position_in_queue)
    WHERE status = 'waiting' AND rank_class >= 0;
-- Who is served now (the daily close, integrity); update_wait_times_atomic and reports read who was.
CREATE INDEX idx_consulting ON tickets (service_id) WHERE status = 'consulting';
CREATE INDEX idx_completed ON tickets (service_id, ended_at DESC) WHERE status = 'completed';

-- The rank's scheme is fixed while people stand in the line: it stays sorted without sorting anybody again.
CREATE FUNCTION refuse_reranking() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'IT000', MESSAGE = 'edit_conflict',
        DETAIL = format('%s people wait for %s. Change its head start when nobody waits.', OLD.tail - OLD.head, OLD.name);
END
$$;
CREATE TRIGGER services_rank_is_fixed BEFORE UPDATE OF head_start ON services FOR EACH ROW
    WHEN (OLD.head_start IS DISTINCT FROM NEW.head_start AND OLD.tail > OLD.head) EXECUTE FUNCTION refuse_reranking();

CREATE TRIGGER services_config AFTER INSERT OR DELETE OR UPDATE OF
    code, name, names, alias, icon, prefix, sort_order, head_start, configured_pace_seconds, no_show_calls, daily_quota ON services
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();
CREATE TRIGGER opening_hours_config AFTER INSERT OR DELETE OR UPDATE ON opening_hours
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();
CREATE TRIGGER closed_days_config AFTER INSERT OR DELETE OR UPDATE ON closed_days
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();
