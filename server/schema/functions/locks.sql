-- Refusals and locks. An operation is one function, called in one transaction; it writes one event for each ticket and line that
-- it changes. It takes its locks first, in one order: the counter, then the lines by id, all FOR NO KEY UPDATE. PL/pgSQL at READ
-- COMMITTED takes a new snapshot for each statement, so that an operation changes what it reads after its locks. Then it looks its
-- key up (keys.sql). It returns {"result": ..., "events": [...]}, tickets in staff's view.

-- Ends the operation with an error of docs/clients.md ("Errors"); its transaction is rolled back.
CREATE OR REPLACE FUNCTION refuse(reason text, sentence text DEFAULT '') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'IT000', MESSAGE = reason, DETAIL = sentence;
END
$$;

-- The account behind an actor ("user:3" -> 3); null for a device.
CREATE OR REPLACE FUNCTION actor_user(actor text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN actor LIKE 'user:%' THEN split_part(actor, ':', 2)::bigint END
$$;

-- Locks lines by id: without that order two operations could deadlock. Then corrects the times of a line whose clock was ahead
-- (clocks.sql): the operation reads its tickets after that.
CREATE OR REPLACE FUNCTION lock_lines(ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    latest timestamptz;
BEGIN
    SELECT max(l.last_event_at) INTO latest FROM (
        SELECT last_event_at FROM services WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE) l;
    IF latest > clock_timestamp() + clock_tolerance() THEN
        PERFORM correct_times(id) FROM services WHERE id = ANY (ids) AND last_event_at > clock_timestamp() + clock_tolerance();
    END IF;
END
$$;

-- Locks the line of a service, as lock_lines does, and returns the service.
CREATE OR REPLACE FUNCTION lock_service(p_service text) RETURNS services
LANGUAGE plpgsql AS $$
DECLARE
    s services;
BEGIN
    SELECT * INTO s FROM services WHERE code = p_service AND retired_on IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM refuse('unknown_service', format('There is no service %s.', p_service)); END IF;
    IF s.last_event_at > clock_timestamp() + clock_tolerance() THEN
        PERFORM correct_times(s.id);
        SELECT * INTO s FROM services WHERE id = s.id;
    END IF;
    RETURN s;
END
$$;

-- Locks the line that a ticket stands in, together with the lines `also`, and returns the ticket as it is then. If the
-- ticket moved to another line before the lock, raises IT001 and the hub calls again: one more lock could deadlock.
CREATE OR REPLACE FUNCTION lock_ticket(p_ticket uuid, also bigint[] DEFAULT '{}') RETURNS tickets
LANGUAGE plpgsql AS $$
DECLARE
    t tickets;
    seen bigint;
BEGIN
    SELECT service_id INTO seen FROM tickets WHERE id = p_ticket;
    IF NOT FOUND THEN PERFORM refuse('ticket_not_found'); END IF;
    PERFORM lock_lines(also || seen);
    SELECT * INTO t FROM tickets WHERE id = p_ticket;
    IF EXISTS (SELECT FROM services WHERE id = t.service_id AND retired_on IS NOT NULL) THEN
        PERFORM refuse('not_waiting', 'The service of this ticket was retired.');
    END IF;
    IF t.service_id <> ALL (also || seen) THEN
        RAISE EXCEPTION USING ERRCODE = 'IT001', MESSAGE = 'the ticket moved to another line';
    END IF;
    RETURN t;
END
$$;

-- Locks a counter.
CREATE OR REPLACE FUNCTION lock_counter(p_counter text) RETURNS counters
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
BEGIN
    SELECT * INTO c FROM counters WHERE code = p_counter AND retired_on IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM refuse('unknown_counter', format('There is no counter %s.', p_counter)); END IF;
    RETURN c;
END
$$;

-- Refuses to act on a patient at another person's counter, unless the caller is a supervisor. Called after the key was looked up.
CREATE OR REPLACE FUNCTION refuse_if_elsewhere(t tickets, p_actor text, p_supervisor boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
BEGIN
    IF t.status = 'consulting' THEN
        SELECT * INTO c FROM counters WHERE id = t.counter_id;
        PERFORM refuse_if_taken(c, p_actor, p_supervisor);
    END IF;
END
$$;

-- Refuses a counter that another person holds, unless the caller is a supervisor.
CREATE OR REPLACE FUNCTION refuse_if_taken(c counters, p_actor text, p_supervisor boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF c.held_by <> actor_user(p_actor) AND NOT p_supervisor THEN
        PERFORM refuse('counter_taken', (SELECT display_name FROM users WHERE id = c.held_by) || CASE
            WHEN absence(c.held_by) IS NULL THEN ' is working at this counter.'
            ELSE ' has gone. Open the counter to take it over with its patient.' END);
    END IF;
END
$$;

-- A counter as the caller finds it, locked before: free if its holder has gone and no patient is there. Refuses it like
-- refuse_if_taken. Called after the key was looked up: a repeated request gets its first answer, even if the counter has another
-- holder by now.
CREATE OR REPLACE FUNCTION enter_counter(c counters, p_actor text, p_supervisor boolean) RETURNS counters
LANGUAGE plpgsql AS $$
DECLARE
    reason text;
BEGIN
    IF c.held_by <> actor_user(p_actor) THEN
        reason := absence(c.held_by);
        IF reason IS NULL OR has_patient(c.id) THEN
            PERFORM refuse_if_taken(c, p_actor, p_supervisor);
        ELSE
            PERFORM free_counter(c, reason);
            c.held_by := NULL;
        END IF;
    END IF;
    RETURN c;
END
$$;

-- Makes the caller the holder of a counter that the caller has locked; a device holds none.
CREATE OR REPLACE FUNCTION hold_counter(c counters, p_actor text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE counters SET held_by = actor_user(p_actor) WHERE id = c.id;
    PERFORM note_arrival(actor_user(p_actor));
END
$$;
