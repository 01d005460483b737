-- The pieces that every operation on a line is made of. They expect the service's row to be locked by the caller.

-- Stops the operation with a refusal of protocol.md ("Errors"); nothing of it stays.
CREATE FUNCTION refuse(reason text, sentence text DEFAULT '') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'IT000', MESSAGE = reason, DETAIL = sentence;
END
$$;

-- A ticket as everybody may see it; `head` is its service's, to turn a slot into a place in line.
CREATE FUNCTION public_ticket(t tickets, head bigint) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', t.id, 'number', t.number,
        'service', (SELECT code FROM services WHERE id = t.service_id),
        'origin_service', (SELECT code FROM services WHERE id = t.origin_service_id),
        'business_day', t.business_day, 'priority', t.priority, 'status', t.status,
        'position', t.position_in_queue - head + 1,
        'counter', (SELECT code FROM counters WHERE id = t.counter_id),
        'language', t.language, 'calls', t.calls, 'joined_at', utc_text(t.joined_at),
        'called_at', utc_text(t.called_at), 'started_at', utc_text(t.started_at), 'ended_at', utc_text(t.ended_at))
$$;

-- What only staff may see.
CREATE FUNCTION personal_data(t tickets) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('patient_name', t.patient_name, 'note', t.note, 'needs', t.needs)
$$;

-- A ticket as staff see it.
CREATE FUNCTION staff_ticket(t tickets, head bigint) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT public_ticket(t, head) || personal_data(t)
$$;

-- An event as it is pushed: staff view, times as text.
CREATE FUNCTION event_message(service_code text, e queue_events, personal jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('service', service_code, 'revision', e.revision, 'kind', e.kind, 'at', utc_text(e.at),
        'ticket', e.ticket || personal, 'from_position', e.from_position, 'waiting', e.waiting)
$$;

-- The rank's first part. With a head start medium and low share a class, so that nobody starves.
CREATE FUNCTION rank_class(priority text, head_start interval) RETURNS smallint
LANGUAGE sql IMMUTABLE AS $$
    SELECT (CASE WHEN priority = 'high' THEN 0 WHEN priority = 'medium' OR head_start IS NOT NULL THEN 1 ELSE 2 END)::smallint
$$;

-- The rank's second part: when the patient joined, medium moved forward by the head start.
CREATE FUNCTION rank_time(priority text, head_start interval, joined_at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN priority = 'medium' THEN joined_at - coalesce(head_start, interval '0') ELSE joined_at END
$$;

-- The slot behind all waiting tickets of the same or better rank: the count of those + 1, counted from the head,
-- found by idx_waiting_rank and not by counting.
CREATE FUNCTION get_next_queue_position(s services, class smallint, at timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT t.position_in_queue + 1 FROM tickets t
        WHERE t.service_id = s.id AND t.status = 'waiting' AND (t.rank_class, t.rank_time) <= (class, at)
        ORDER BY t.rank_class DESC, t.rank_time DESC, t.position_in_queue DESC LIMIT 1), s.head)
$$;

-- Opens a gap before `slot` (by = 1) or closes the one that a ticket left at `slot` (by = -1), moving the shorter side
-- in one statement; at the ends of the line only head or tail move. Returns the service with its new head and tail:
-- where the front moved, an opened gap lies at `slot - 1`.
CREATE FUNCTION reorder_queue_positions_atomic(s services, slot bigint, by integer) RETURNS services
LANGUAGE plpgsql AS $$
DECLARE
    front bigint := slot - s.head;
    back bigint := s.tail - slot - (CASE WHEN by < 0 THEN 1 ELSE 0 END);
BEGIN
    IF front < back THEN
        IF front > 0 THEN
            UPDATE tickets SET position_in_queue = position_in_queue - by
            WHERE service_id = s.id AND status = 'waiting' AND position_in_queue < slot;
        END IF;
        s.head := s.head - by;
    ELSE
        IF back > 0 THEN
            UPDATE tickets SET position_in_queue = position_in_queue + by
            WHERE service_id = s.id AND status = 'waiting' AND position_in_queue >= slot + (CASE WHEN by < 0 THEN 1 ELSE 0 END);
        END IF;
        s.tail := s.tail + by;
    END IF;
    RETURN s;
END
$$;

-- Writes the service's next event and the service's row with it (head, tail, numbers). Returns the event as it is pushed.
CREATE FUNCTION append_queue_event(
    s services, p_kind text, p_actor text, p_at timestamptz, t tickets, p_from_position bigint, p_before jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $$
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
    e.ticket := public_ticket(t, s.head);
    e.hash := queue_event_hash(s.last_hash, e);
    INSERT INTO queue_events SELECT e.*;
    UPDATE services SET revision = e.revision, last_hash = e.hash, last_event_at = e.at, head = s.head, tail = s.tail,
        next_number = s.next_number, business_day = s.business_day WHERE id = s.id;
    RETURN event_message(s.code, e, personal_data(t));
END
$$;

-- The first result for this key, as it would be answered again, or null. Another request's key is refused.
CREATE FUNCTION remembered_result(p_actor text, p_key text, p_digest bytea) RETURNS jsonb
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

-- Remembers an operation's result without personal data and returns its answer: the result (staff view) and its events.
CREATE FUNCTION remember_result(p_actor text, p_key text, p_digest bytea, p_at timestamptz, result jsonb, events jsonb)
RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    bare jsonb := result;
BEGIN
    IF jsonb_typeof(result -> 'ticket') = 'object' THEN
        bare := jsonb_set(result, '{ticket}', (result -> 'ticket') - '{patient_name,note,needs}'::text[]);
    END IF;
    INSERT INTO requests VALUES (p_actor, p_key, p_digest, bare, p_at);
    RETURN jsonb_build_object('result', result, 'events', events);
END
$$;

-- A time for the next event: after the lock, and never before the service's last.
CREATE FUNCTION event_time(s services) RETURNS timestamptz
LANGUAGE sql VOLATILE AS $$
    SELECT greatest(clock_timestamp(), s.last_event_at)
$$;

-- The site's business day at a moment.
CREATE FUNCTION business_day_at(at timestamptz) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT ((at AT TIME ZONE time_zone) - day_starts)::date FROM settings
$$;

-- Locks the service that a ticket stands in and returns the ticket as it is then. The service is read, locked and read
-- again; if the ticket moved meanwhile, once more.
CREATE FUNCTION lock_ticket(p_ticket uuid) RETURNS tickets
LANGUAGE plpgsql AS $$
DECLARE
    t tickets;
    seen bigint;
BEGIN
    FOR attempt IN 1..3 LOOP
        SELECT service_id INTO seen FROM tickets WHERE id = p_ticket;
        IF NOT FOUND THEN PERFORM refuse('ticket_not_found'); END IF;
        PERFORM FROM services WHERE id = seen FOR NO KEY UPDATE;
        SELECT * INTO t FROM tickets WHERE id = p_ticket;
        IF t.service_id = seen THEN RETURN t; END IF;
    END LOOP;
    PERFORM refuse('not_waiting', 'This patient is being moved. Please try again.');
END
$$;

-- The account behind an actor ("user:3" -> 3); null for a device.
CREATE FUNCTION actor_user(actor text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN actor LIKE 'user:%' THEN split_part(actor, ':', 2)::bigint END
$$;

-- Locks a counter for a person's act there: it must be theirs, nobody's, or the person a supervisor.
CREATE FUNCTION lock_counter(p_counter text, p_actor text, p_supervisor boolean) RETURNS counters
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
BEGIN
    SELECT * INTO c FROM counters WHERE code = p_counter FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM refuse('unknown_counter', format('There is no counter %s.', p_counter)); END IF;
    IF c.held_by <> actor_user(p_actor) AND NOT p_supervisor THEN
        PERFORM refuse('counter_taken', (SELECT display_name FROM users WHERE id = c.held_by) || ' is working at this counter.');
    END IF;
    RETURN c;
END
$$;
