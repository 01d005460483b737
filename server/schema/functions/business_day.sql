-- The business day and the times of events.

-- A time for the line's next event: read after the lock, and later than the line's last event even if the clock was set back.
CREATE OR REPLACE FUNCTION event_time(s services) RETURNS timestamptz
LANGUAGE sql VOLATILE AS $$
    SELECT greatest(clock_timestamp(), s.last_event_at + interval '1 microsecond')
$$;

-- The site's business day at a moment.
CREATE OR REPLACE FUNCTION business_day_at(at timestamptz) RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ((at AT TIME ZONE time_zone) - day_starts)::date FROM settings;
END
$$;

-- Today's business day. It never goes back: neither when daylight saving ends nor when the clock is set back.
CREATE OR REPLACE FUNCTION business_day_now() RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN greatest(business_day_at(clock_timestamp()), (SELECT max(business_day) FROM services));
END
$$;

-- The last business day that the schedule had ended by a moment. A day ends at `day_closes`, on the day itself or, if that
-- is not after `day_starts`, in the night behind it. Null without a schedule.
CREATE OR REPLACE FUNCTION ended_business_day(at timestamptz) RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (at AT TIME ZONE time_zone - day_closes)::date - CASE WHEN day_closes <= day_starts THEN 1 ELSE 0 END FROM settings;
END
$$;
