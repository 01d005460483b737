-- A no-show sends a patient to the end of the line until the patient missed `no_shows` calls, and then off. A call that is repeated
-- is no second no-show: a ticket counts its own.
ALTER TABLE services RENAME COLUMN no_show_calls TO no_shows;
ALTER TABLE tickets ADD COLUMN no_shows integer NOT NULL DEFAULT 0;
-- Earlier, calls were counted: each but the last was taken for a no-show.
UPDATE tickets SET no_shows = greatest(0, calls - 1) WHERE status IN ('waiting', 'parked', 'consulting') AND calls > 1;
-- Checks of updated rows that wait for the commit would keep a later revision from altering the table.
SET CONSTRAINTS ALL IMMEDIATE;

-- A change of the schedule closes no day.
CREATE TRIGGER settings_schedule BEFORE UPDATE OF time_zone, day_starts, day_closes ON settings
    FOR EACH ROW EXECUTE FUNCTION count_ended_days_as_closed();

-- Who is at the hubs, for all hubs: a counter is not kept for a person who has gone. `seen_at` is the uptime of the hub that saw the
-- person last, when it did: a hub's outage adds nothing to it, and no clock matters. A hub is known by its address, so that its
-- uptime goes on after a restart.
CREATE TABLE hubs (
    address text PRIMARY KEY,
    uptime interval NOT NULL DEFAULT '0'
);
CREATE TABLE presence (
    user_id bigint PRIMARY KEY REFERENCES users,
    hub text NOT NULL REFERENCES hubs,
    seen_at interval NOT NULL
);
-- A counter without a patient is free after this uptime without its holder.
ALTER TABLE settings ADD COLUMN counter_free_after interval NOT NULL DEFAULT '10 minutes';
CREATE TRIGGER users_counters AFTER UPDATE OF disabled_at ON users FOR EACH ROW
    WHEN (NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION free_counters_of_disabled();
