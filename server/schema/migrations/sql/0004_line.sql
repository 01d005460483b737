-- The pieces that every operation on a line is made of; 0003_line.sql again, whole. They expect the rows of the lines they
-- touch to be locked by the caller (lock_ticket, lock_lines). What runs in every operation is PL/pgSQL, whose plans are kept:
-- a function in SQL that can't be inlined is planned at each call before PostgreSQL 18.
DROP FUNCTION get_next_queue_position(services, smallint, timestamptz);
DROP FUNCTION reorder_queue_positions_atomic(services, bigint, integer);
DROP FUNCTION append_queue_event(services, text, text, timestamptz, tickets, bigint, jsonb);
DROP FUNCTION remember_result(text, text, bytea, timestamptz, jsonb, jsonb);
DROP FUNCTION lock_ticket(uuid);
DROP FUNCTION lock_counter(text, text, boolean);

-- A time as the chains and the wire write it. STABLE, as to_char is: a function that claims more is never inlined.
CREATE OR REPLACE FUNCTION utc_text(at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- One link of a service's chain: sha256(previous hash || canonical row). The reason is part of the row where there is one:
-- the links of events that were written before there were reasons stay what they are.
CREATE OR REPLACE FUNCTION queue_event_hash(previous bytea, e queue_events) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(previous || convert_to((jsonb_build_array(
        e.service_id, e.revision, e.kind, e.ticket_id, e.actor, utc_text(e.at), e.from_position, e.waiting, e.before, e.ticket
    ) || CASE WHEN e.reason IS NULL THEN '[]' ELSE jsonb_build_array(e.reason) END)::text, 'UTF8'));
END
$$;

-- A ticket as everybody may see it, from the codes of its line, of the line that issued it and of its counter; `head` is its
-- line's, to turn a slot into a place. The one definition of that shape: a plain expression, inlined wherever it is used.
CREATE FUNCTION ticket_view(t tickets, head bigint, line text, origin text, seat text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', t.id, 'number', t.number, 'service', line, 'origin_service', origin,
        'business_day', t.business_day, 'priority', t.priority, 'status', t.status,
        'position', t.position_in_queue - head + 1, 'counter', seat,
        'rank_class', t.rank_class, 'rank_time', utc_text(t.rank_time), 'placed_by_hand', t.placed_by_hand,
        'language', t.language, 'calls', t.calls, 'joined_at', utc_text(t.joined_at),
        'called_at', utc_text(t.called_at), 'started_at', utc_text(t.started_at), 'ended_at', utc_text(t.ended_at))
$$;

-- The same for one ticket, its codes looked up. Null for no ticket.
CREATE OR REPLACE FUNCTION public_ticket(t tickets, head bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    line text;
    origin text;
    seat text;
BEGIN
    IF t.id IS NULL THEN RETURN NULL; END IF;
    SELECT code INTO line FROM services WHERE id = t.service_id;
    IF t.origin_service_id = t.service_id THEN
        origin := line;
    ELSE
        SELECT code INTO origin FROM services WHERE id = t.origin_service_id;
    END IF;
    IF t.counter_id IS NOT NULL THEN SELECT code INTO seat FROM counters WHERE id = t.counter_id; END IF;
    RETURN ticket_view(t, head, line, origin, seat);
END
$$;

-- What only staff may see. The column keeps a parked patient's reason for an undo; it is shown while they are parked.
CREATE OR REPLACE FUNCTION personal_data(t tickets) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('patient_name', t.patient_name, 'note', t.note, 'needs', t.needs,
        'parked_reason', CASE WHEN t.status = 'parked' THEN t.parked_reason END)
$$;

-- A JSON ticket or row without what only staff may see.
CREATE FUNCTION without_personal_data(ticket jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT ticket - '{patient_name,note,needs,parked_reason}'::text[]
$$;

-- An event as it is pushed: staff view, times as text; `reason` where there is one.
CREATE OR REPLACE FUNCTION event_message(service_code text, e queue_events, personal jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('service', service_code, 'revision', e.revision, 'kind', e.kind, 'at', utc_text(e.at),
            'ticket', e.ticket || personal, 'from_position', e.from_position, 'waiting', e.waiting)
        || CASE WHEN e.reason IS NULL THEN '{}' ELSE jsonb_build_object('reason', e.reason) END;
END
$$;

-- A time for the next event: after the lock, and later than the line's last, whatever the clock does.
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

-- Today's business day. It never goes back: not at the end of daylight saving, not when the clock is set back.
CREATE FUNCTION business_day_now() RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN greatest(business_day_at(clock_timestamp()), (SELECT max(business_day) FROM services));
END
$$;

-- Locks lines, always by id, so that two operations never wait for each other in a circle.
CREATE FUNCTION lock_lines(ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM services WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
END
$$;

-- Locks the line that a ticket stands in, `also` others with it, and returns the ticket as it is then. If it moved to another
-- line meanwhile, the transaction ends and is made again by its caller (SQLSTATE IT001): a further lock could deadlock.
CREATE FUNCTION lock_ticket(p_ticket uuid, also bigint[] DEFAULT '{}') RETURNS tickets
LANGUAGE plpgsql AS $$
DECLARE
    t tickets;
    seen bigint;
BEGIN
    SELECT service_id INTO seen FROM tickets WHERE id = p_ticket;
    IF NOT FOUND THEN PERFORM refuse('ticket_not_found'); END IF;
    PERFORM lock_lines(also || seen);
    SELECT * INTO t FROM tickets WHERE id = p_ticket;
    IF t.service_id <> ALL (also || seen) THEN
        RAISE EXCEPTION USING ERRCODE = 'IT001', MESSAGE = 'the ticket moved to another line';
    END IF;
    RETURN t;
END
$$;

-- Locks a counter.
CREATE FUNCTION lock_counter(p_counter text) RETURNS counters
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
BEGIN
    SELECT * INTO c FROM counters WHERE code = p_counter FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM refuse('unknown_counter', format('There is no counter %s.', p_counter)); END IF;
    RETURN c;
END
$$;

-- A counter is its holder's: others may act there if nobody holds it, or as a supervisor. Asked after the key was looked up: a
-- repeated request gets its first answer, whoever sits there by now.
CREATE FUNCTION refuse_if_taken(c counters, p_actor text, p_supervisor boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF c.held_by <> actor_user(p_actor) AND NOT p_supervisor THEN
        PERFORM refuse('counter_taken', (SELECT display_name FROM users WHERE id = c.held_by) || ' is working at this counter.');
    END IF;
END
$$;

-- The place in line behind all waiting tickets of the same or better rank: the count of those + 1, found by idx_waiting_rank
-- and not by counting. For a ticket of this line, in slot `own`, the place among the others.
CREATE FUNCTION get_next_queue_position(s services, class smallint, at timestamptz, own bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    last_slot bigint;
BEGIN
    SELECT position_in_queue INTO last_slot FROM tickets
    WHERE service_id = s.id AND status = 'waiting' AND rank_class >= 0 AND (rank_class, rank_time) <= (class, at)
        AND position_in_queue IS DISTINCT FROM own
    ORDER BY rank_class DESC, rank_time DESC, position_in_queue DESC LIMIT 1;
    RETURN coalesce(last_slot - s.head + 2 - CASE WHEN last_slot > own THEN 1 ELSE 0 END, 1);
END
$$;

-- Moves whoever stands between two places by one, in one statement, on the shorter side; at the ends of the line only head or
-- tail move. From a place to a place: one ticket moves there. To null: closes the gap that a ticket left. From null: opens
-- one. Returns the service with its new head and tail: the slot of a place is then head + place - 1.
CREATE FUNCTION reorder_queue_positions_atomic(s services, from_place bigint, to_place bigint) RETURNS services
LANGUAGE plpgsql AS $$
DECLARE
    waiting bigint := s.tail - s.head;
    from_slot bigint := s.head + from_place - 1;
    to_slot bigint := s.head + to_place - 1;
    step integer := CASE WHEN to_place IS NULL OR from_place < to_place THEN -1 ELSE 1 END;
    first_moved bigint;
    last_moved bigint;
BEGIN
    IF from_place IS NOT NULL AND to_place IS NOT NULL THEN
        first_moved := least(from_slot, to_slot);
        last_moved := greatest(from_slot, to_slot);
        IF 2 * (last_moved - first_moved) <= waiting THEN
            UPDATE tickets SET position_in_queue = CASE position_in_queue WHEN from_slot THEN to_slot ELSE position_in_queue + step END
            WHERE service_id = s.id AND status = 'waiting' AND position_in_queue BETWEEN first_moved AND last_moved;
        ELSE
            UPDATE tickets SET position_in_queue = CASE position_in_queue WHEN from_slot THEN to_slot ELSE position_in_queue END - step
            WHERE service_id = s.id AND status = 'waiting'
                AND (position_in_queue <= first_moved OR position_in_queue >= last_moved)
                AND (position_in_queue <> to_slot);
            s.head := s.head - step;
            s.tail := s.tail - step;
        END IF;
    ELSIF 2 * coalesce(from_place, to_place) <= waiting + 1 THEN
        first_moved := coalesce(from_slot, to_slot);
        IF first_moved > s.head THEN
            UPDATE tickets SET position_in_queue = position_in_queue - step
            WHERE service_id = s.id AND status = 'waiting' AND position_in_queue < first_moved;
        END IF;
        s.head := s.head - step;
    ELSE
        first_moved := coalesce(from_slot + 1, to_slot);
        IF first_moved < s.tail THEN
            UPDATE tickets SET position_in_queue = position_in_queue + step
            WHERE service_id = s.id AND status = 'waiting' AND position_in_queue >= first_moved;
        END IF;
        s.tail := s.tail + step;
    END IF;
    RETURN s;
END
$$;

-- Gives a ticket its rank for a place in a line: its own ("arrival"), or that of the neighbour it is put before or behind
-- ("first", "last"). In an empty line every rank is its own.
CREATE FUNCTION rank_for_place(t tickets, s services, place text) RETURNS tickets
LANGUAGE plpgsql STABLE AS $$
DECLARE
    neighbour tickets;
BEGIN
    IF place <> 'arrival' THEN
        SELECT * INTO neighbour FROM tickets WHERE service_id = s.id AND status = 'waiting'
            AND position_in_queue = CASE place WHEN 'first' THEN s.head ELSE s.tail - 1 END;
    END IF;
    t.placed_by_hand := neighbour.id IS NOT NULL;
    t.rank_class := coalesce(neighbour.rank_class, rank_class(t.priority, s.head_start));
    t.rank_time := coalesce(neighbour.rank_time, rank_time(t.priority, s.head_start, t.joined_at));
    RETURN t;
END
$$;

-- The place in line for "first", "arrival" or "last", after rank_for_place.
CREATE FUNCTION place_in_line(t tickets, s services, place text) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE place WHEN 'first' THEN 1 WHEN 'last' THEN s.tail - s.head + 1
        ELSE get_next_queue_position(s, t.rank_class, t.rank_time) END;
END
$$;

-- Writes what an operation changed of a ticket.
CREATE FUNCTION save_ticket(t tickets) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets SET service_id = t.service_id, priority = t.priority, status = t.status,
        position_in_queue = t.position_in_queue, rank_class = t.rank_class, rank_time = t.rank_time,
        placed_by_hand = t.placed_by_hand, counter_id = t.counter_id, calls = t.calls, language = t.language,
        patient_name = t.patient_name, note = t.note, needs = t.needs, parked_reason = t.parked_reason,
        called_at = t.called_at, started_at = t.started_at, ended_at = t.ended_at
    WHERE id = t.id;
END
$$;

-- A line's next event, not written yet. A ticket that stands in another line by now is shown with its place there:
-- `p_head` is that line's.
CREATE FUNCTION next_queue_event(
    s services, p_kind text, p_actor text, p_at timestamptz, t tickets, p_from_position bigint, p_before jsonb,
    p_reason text DEFAULT NULL, p_head bigint DEFAULT NULL
) RETURNS queue_events
LANGUAGE plpgsql STABLE AS $$
DECLARE
    e queue_events;
BEGIN
    e.service_id := s.id;
    e.revision := s.revision + 1;
    e.kind := p_kind;
    e.ticket_id := t.id;
    e.actor := p_actor;
    e.at := p_at;
    e.from_position := p_from_position;
    e.waiting := s.tail - s.head;
    e.before := p_before;
    e.ticket := public_ticket(t, coalesce(p_head, s.head));
    e.reason := p_reason;
    e.hash := queue_event_hash(s.last_hash, e);
    RETURN e;
END
$$;

-- Writes an event and returns its line as it is behind it, not saved yet: several events of one line save it once.
CREATE FUNCTION write_queue_event(s services, e queue_events) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO queue_events SELECT e.*;
    s.revision := e.revision;
    s.last_hash := e.hash;
    s.last_event_at := e.at;
    RETURN s;
END
$$;

-- Writes what operations changed of a line: head, tail, numbers, state, and its last event.
CREATE FUNCTION save_line(s services) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE services SET revision = s.revision, last_hash = s.last_hash, last_event_at = s.last_event_at,
        head = s.head, tail = s.tail, next_number = s.next_number, business_day = s.business_day,
        issued = s.issued, held_numbers = s.held_numbers, state = s.state
    WHERE id = s.id;
END
$$;

-- Writes the line's next event and the line with it. Returns the event as it is pushed.
CREATE FUNCTION append_queue_event(
    s services, p_kind text, p_actor text, p_at timestamptz, t tickets, p_from_position bigint, p_before jsonb,
    p_reason text DEFAULT NULL, p_head bigint DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    e queue_events := next_queue_event(s, p_kind, p_actor, p_at, t, p_from_position, p_before, p_reason, p_head);
BEGIN
    s := write_queue_event(s, e);
    PERFORM save_line(s);
    RETURN event_message(s.code, e, personal_data(t));
END
$$;

-- The first result for this key, as it would be answered again, or null. Another request's key is refused.
CREATE OR REPLACE FUNCTION remembered_result(p_actor text, p_key text, p_digest bytea) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    r requests;
    personal jsonb;
BEGIN
    SELECT * INTO r FROM requests WHERE actor = p_actor AND key = p_key;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF r.digest <> p_digest THEN PERFORM refuse('key_conflict'); END IF;
    SELECT personal_data(t) INTO personal FROM tickets t WHERE t.id = (r.result #>> '{ticket,id}')::uuid;
    IF personal IS NOT NULL THEN
        r.result := jsonb_set(r.result, '{ticket}', r.result -> 'ticket' || personal);
    END IF;
    RETURN jsonb_build_object('result', r.result, 'events', '[]'::jsonb);
END
$$;

-- Remembers an operation's result without personal data, and for a person what an undo needs. Returns the operation's
-- answer: the result (staff view) and its events.
CREATE FUNCTION remember_result(
    p_actor text, p_key text, p_digest bytea, p_at timestamptz, result jsonb, events jsonb, undo jsonb DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    bare jsonb := result;
BEGIN
    IF jsonb_typeof(result -> 'ticket') = 'object' THEN
        bare := jsonb_set(result, '{ticket}', without_personal_data(result -> 'ticket'));
    END IF;
    INSERT INTO requests VALUES (p_actor, p_key, p_digest, bare, p_at, CASE WHEN p_actor LIKE 'user:%' THEN undo END);
    RETURN jsonb_build_object('result', result, 'events', events);
END
$$;

-- One ticket's part of an undo: its row before the operation (null: there was none), where it stood, and the event that the
-- operation ended with.
CREATE FUNCTION undo_step(was tickets, place bigint, service_id bigint, message jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('ticket', message #> '{ticket,id}', 'place', place, 'service', service_id,
        'revision', message -> 'revision',
        'was', CASE WHEN was.id IS NOT NULL THEN without_personal_data(to_jsonb(was)) END);
END
$$;

-- The answer of an operation on one ticket that wrote one event.
CREATE FUNCTION remember_ticket(
    p_actor text, p_key text, p_digest bytea, p_at timestamptz, message jsonb, undo jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
    RETURN remember_result(p_actor, p_key, p_digest, p_at, jsonb_build_object(
        'ticket', message -> 'ticket', 'revision', message -> 'revision'),
        jsonb_build_array(message), CASE WHEN undo IS NOT NULL THEN jsonb_build_array(undo) END);
END
$$;
