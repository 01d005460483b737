-- A change of the schedule closes no day.
CREATE TRIGGER settings_schedule BEFORE UPDATE OF time_zone, day_starts, day_closes ON settings
    FOR EACH ROW EXECUTE FUNCTION count_ended_days_as_closed();
