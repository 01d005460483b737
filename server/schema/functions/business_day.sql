-- The business day. `business_day_at` decides it for everything: numbers, quotas, lists, the daily close.

-- The first moment at which a local time is shown. In autumn's repeated hour it is the first of two; PostgreSQL takes the second.
-- A time that spring skips is read as PostgreSQL reads it.
CREATE OR REPLACE FUNCTION first_moment(here timestamp, zone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    usual timestamptz := here AT TIME ZONE zone;
    day_before timestamptz := usual - interval '24 hours';
    -- With the offset to UTC of the day before.
    earlier timestamptz := (here - (day_before AT TIME ZONE zone - day_before AT TIME ZONE 'UTC')) AT TIME ZONE 'UTC';
BEGIN
    RETURN CASE WHEN earlier < usual AND earlier AT TIME ZONE zone = here THEN earlier ELSE usual END;
END
$$;

-- The latest date on which a local time of day had come by a moment. It never goes back as `at` goes on.
CREATE OR REPLACE FUNCTION date_since(at timestamptz, zone text, time_of_day time) RETURNS date
LANGUAGE plpgsql STABLE AS $$
DECLARE
    day date := ((at AT TIME ZONE zone) - time_of_day)::date;
BEGIN
    -- In the repeated hour the clock is back before a time that has come already.
    RETURN CASE WHEN first_moment(day + 1 + time_of_day, zone) <= at THEN day + 1 ELSE day END;
END
$$;

-- The site's business day at a moment.
CREATE OR REPLACE FUNCTION business_day_at(at timestamptz) RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN date_since(at, time_zone, day_starts) FROM settings;
END
$$;

-- Today's business day.
CREATE OR REPLACE FUNCTION business_day_now() RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN business_day_at(clock_timestamp());
END
$$;

-- The last business day that a schedule had ended by a moment. A day ends at `closes`, on the day itself or, if that is not after
-- `starts`, in the night behind it. Null without a schedule.
CREATE OR REPLACE FUNCTION ended_day(at timestamptz, zone text, starts time, closes time) RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN date_since(at, zone, closes) - CASE WHEN closes <= starts THEN 1 ELSE 0 END;
END
$$;

-- `ended_day` by the site's schedule.
CREATE OR REPLACE FUNCTION ended_business_day(at timestamptz) RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ended_day(at, time_zone, day_starts, day_closes) FROM settings;
END
$$;
