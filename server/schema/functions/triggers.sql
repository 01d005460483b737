-- The functions of triggers. `db upgrade` runs this file before the revisions, because a trigger needs its function: it must work
-- in a database without tables. Each function is replaced in place, so that no upgrade has to lock the tables.

-- Makes UPDATE, DELETE and TRUNCATE of a history table fail.
CREATE OR REPLACE FUNCTION refuse_rewriting_history() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Raises `config_revision` with every change of the configuration, so that hubs and clients read it again. A line's own
-- columns of `services` and `counters` are not configuration; their triggers leave them out.
CREATE OR REPLACE FUNCTION raise_config_revision() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE settings SET config_revision = config_revision + 1;
    RETURN NULL;
END
$$;

-- Refuses another head start while patients wait: the head start is part of every rank, and ranks are never computed
-- again, so that the line stays sorted.
CREATE OR REPLACE FUNCTION refuse_reranking() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'IT000', MESSAGE = 'service_busy',
        DETAIL = format('%s for %s. Change its head start when no patient waits.',
            CASE OLD.tail - OLD.head WHEN 1 THEN '1 person waits' ELSE (OLD.tail - OLD.head) || ' people wait' END, OLD.name);
END
$$;

-- Another schedule closes no day at once: the days that have ended by it count as closed, so that a time that has passed counts
-- from the next day.
CREATE OR REPLACE FUNCTION count_ended_days_as_closed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.closed_day := greatest(NEW.closed_day, ended_day(clock_timestamp(), NEW.time_zone, NEW.day_starts, NEW.day_closes));
    RETURN NEW;
END
$$;

-- A disabled person holds no counter, but for one with a patient.
CREATE OR REPLACE FUNCTION free_counters_of_disabled() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM free_counters(ARRAY[NEW.id], 'disabled');
    RETURN NULL;
END
$$;
