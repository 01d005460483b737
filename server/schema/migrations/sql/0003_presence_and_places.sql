-- A no-show sends a patient to the end of the line until the patient missed `no_shows` calls, and then off. A call that is repeated
-- is no second no-show: a ticket counts its own.
ALTER TABLE services RENAME COLUMN no_show_calls TO no_shows;
ALTER TABLE tickets ADD COLUMN no_shows integer NOT NULL DEFAULT 0;
-- Earlier, calls were counted: each but the last was taken for a no-show.
UPDATE tickets SET no_shows = greatest(0, calls - 1) WHERE status IN ('waiting', 'parked', 'consulting') AND calls > 1;

-- A change of the schedule closes no day.
CREATE TRIGGER settings_schedule BEFORE UPDATE OF time_zone, day_starts, day_closes ON settings
    FOR EACH ROW EXECUTE FUNCTION count_ended_days_as_closed();
