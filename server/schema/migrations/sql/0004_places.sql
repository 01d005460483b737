-- Where a ticket stands: out of the line and back, to another line, to another place. The same rules as in 0004_calls.sql.

-- Takes a ticket out of its line, if it stands in one, and closes the gap. Returns the service; the ticket is saved by the
-- caller, before: a position is not null exactly while a ticket waits.
CREATE FUNCTION close_gap(s services, t tickets) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    IF t.position_in_queue IS NULL THEN RETURN s; END IF;
    RETURN reorder_queue_positions_atomic(s, t.position_in_queue - s.head + 1, NULL);
END
$$;

-- Puts a patient aside, from the line or from the counter.
CREATE FUNCTION park_ticket(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_reason text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    was tickets := lock_ticket(p_ticket);
    t tickets := was;
    s services;
    before jsonb;
    place bigint;
    now_at timestamptz;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF t.status NOT IN ('waiting', 'consulting') THEN PERFORM refuse('not_waiting'); END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    before := public_ticket(was, s.head);
    place := was.position_in_queue - s.head + 1;
    now_at := event_time(s);
    t.status := 'parked';
    t.position_in_queue := NULL;
    t.counter_id := NULL;
    t.started_at := NULL;
    t.parked_reason := p_reason;
    PERFORM save_ticket(t);
    s := close_gap(s, was);
    answer := append_queue_event(s, 'parked', p_actor, now_at, t, place, before);
    RETURN remember_ticket(p_actor, p_key, p_digest, now_at, answer, undo_step(was, place, s.id, answer));
END
$$;

-- Lets a parked patient, or one who was missed today, stand in the line again: first, by arrival, or last.
CREATE FUNCTION unpark_ticket(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_place text DEFAULT 'arrival')
RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    was tickets := lock_ticket(p_ticket);
    t tickets;
    s services;
    place bigint;
    now_at timestamptz;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF NOT can_come_back(was) THEN PERFORM refuse('not_waiting', 'This patient is neither parked nor missed.'); END IF;
    SELECT * INTO s FROM services WHERE id = was.service_id;
    now_at := event_time(s);
    t := rank_for_place(was, s, p_place);
    place := place_in_line(t, s, p_place);
    s := reorder_queue_positions_atomic(s, NULL, place);
    t.status := 'waiting';
    t.position_in_queue := s.head + place - 1;
    t.counter_id := NULL;
    t.started_at := NULL;
    t.ended_at := NULL;
    PERFORM save_ticket(t);
    answer := append_queue_event(s, 'unparked', p_actor, now_at, t, NULL, public_ticket(was, s.head));
    RETURN remember_ticket(p_actor, p_key, p_digest, now_at, answer, undo_step(was, NULL, s.id, answer));
END
$$;

-- Moves a waiting ticket within its line to the place and rank that are given, and saves it. Returns the service.
CREATE FUNCTION move_within_line(s services, t tickets, place bigint) RETURNS services
LANGUAGE plpgsql AS $$
DECLARE
    stood bigint := t.position_in_queue - s.head + 1;
BEGIN
    IF place <> stood THEN s := reorder_queue_positions_atomic(s, stood, place); END IF;
    t.position_in_queue := s.head + place - 1;
    PERFORM save_ticket(t);
    RETURN s;
END
$$;

-- Sends a patient on to another line (or back to the end, the front or their arrival in this one), with the same number. A new
-- leg begins: calls count again from 0. Two lines, two events; within one line, one.
CREATE FUNCTION transfer_ticket(
    p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_service text, p_place text DEFAULT 'arrival'
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    target bigint := (SELECT id FROM services WHERE code = p_service);
    was tickets := lock_ticket(p_ticket, ARRAY[target]);
    t tickets := was;
    old_line services;
    new_line services;
    before jsonb;
    place bigint;
    now_at timestamptz;
    events jsonb := '[]';
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF target IS NULL THEN PERFORM refuse('unknown_service', format('There is no service %s.', p_service)); END IF;
    IF t.status NOT IN ('waiting', 'consulting', 'parked') THEN PERFORM refuse('not_waiting'); END IF;
    SELECT * INTO old_line FROM services WHERE id = was.service_id;
    SELECT * INTO new_line FROM services WHERE id = target;
    IF new_line.state = 'closed' THEN PERFORM refuse('service_closed', new_line.name || ' is closed.'); END IF;
    now_at := greatest(event_time(old_line), event_time(new_line));
    before := public_ticket(was, old_line.head);
    t.service_id := target;
    t.counter_id := NULL;
    t.calls := 0;
    t.called_at := NULL;
    t.started_at := NULL;

    -- Out of the old line first, so that the place is one among those who stay.
    t.status := 'parked';
    t.position_in_queue := NULL;
    PERFORM save_ticket(t);
    old_line := close_gap(old_line, was);
    IF target = old_line.id THEN new_line := old_line; END IF;
    t := rank_for_place(t, new_line, p_place);
    place := place_in_line(t, new_line, p_place);
    new_line := reorder_queue_positions_atomic(new_line, NULL, place);
    t.status := 'waiting';
    t.position_in_queue := new_line.head + place - 1;
    PERFORM save_ticket(t);

    place := (before ->> 'position')::bigint;
    IF target <> old_line.id THEN
        events := events || append_queue_event(
            old_line, 'transferred_out', p_actor, now_at, t, place, before, NULL, new_line.head);
        answer := append_queue_event(new_line, 'transferred_in', p_actor, now_at, t, NULL, before);
    ELSE
        answer := append_queue_event(new_line, 'transferred_in', p_actor, now_at, t, place, before);
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, now_at,
        jsonb_build_object('ticket', answer -> 'ticket', 'revision', answer -> 'revision'),
        events || answer, jsonb_build_array(undo_step(was, place, target, answer)));
END
$$;

-- Gives a waiting or parked ticket another priority; one that waits goes to the place of its new rank.
CREATE FUNCTION set_ticket_priority(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_priority text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    was tickets := lock_ticket(p_ticket);
    t tickets := was;
    s services;
    before jsonb;
    place bigint;
    now_at timestamptz;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF t.status NOT IN ('waiting', 'parked') THEN PERFORM refuse('not_waiting'); END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    before := public_ticket(was, s.head);
    place := was.position_in_queue - s.head + 1;
    now_at := event_time(s);
    t.priority := p_priority;
    t := rank_for_place(t, s, 'arrival');
    IF t.status = 'waiting' THEN
        s := move_within_line(s, t, get_next_queue_position(s, t.rank_class, t.rank_time, was.position_in_queue));
        SELECT * INTO t FROM tickets WHERE id = p_ticket;
    ELSE
        PERFORM save_ticket(t);
    END IF;
    answer := append_queue_event(s, 'reprioritised', p_actor, now_at, t, place, before);
    RETURN remember_ticket(p_actor, p_key, p_digest, now_at, answer, undo_step(was, place, s.id, answer));
END
$$;

-- Puts a waiting ticket at a place, the last if there are not so many. It takes the rank of the neighbour it is put before, at
-- the end of the line of the one it is put behind, so that the line stays sorted; its priority stays.
CREATE FUNCTION move_ticket(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_position bigint) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    was tickets := lock_ticket(p_ticket);
    t tickets := was;
    s services;
    before jsonb;
    stood bigint;
    place bigint;
    now_at timestamptz;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF t.status <> 'waiting' THEN PERFORM refuse('not_waiting'); END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    before := public_ticket(was, s.head);
    stood := was.position_in_queue - s.head + 1;
    place := least(p_position, s.tail - s.head);
    now_at := event_time(s);
    IF place <> stood THEN
        SELECT rank_class, rank_time INTO t.rank_class, t.rank_time FROM tickets WHERE service_id = s.id AND status = 'waiting'
            AND position_in_queue = least(s.head - 1 + place + CASE WHEN place > stood THEN 1 ELSE 0 END, s.tail - 1);
        t.placed_by_hand := true;
        s := move_within_line(s, t, place);
        SELECT * INTO t FROM tickets WHERE id = p_ticket;
    END IF;
    answer := append_queue_event(s, 'moved', p_actor, now_at, t, stood, before);
    RETURN remember_ticket(p_actor, p_key, p_digest, now_at, answer, undo_step(was, stood, s.id, answer));
END
$$;

-- Takes a waiting or parked ticket out. A kiosk (`p_own`) may cancel only what it issued itself and only while it waits.
CREATE OR REPLACE FUNCTION cancel_ticket(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_own boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    was tickets := lock_ticket(p_ticket);
    s services;
    place bigint;
    now_at timestamptz;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF p_own AND was.issued_by <> p_actor THEN PERFORM refuse('ticket_not_found'); END IF;
    IF was.status <> 'waiting' AND (p_own OR was.status <> 'parked') THEN PERFORM refuse('not_waiting'); END IF;
    SELECT * INTO s FROM services WHERE id = was.service_id;
    place := was.position_in_queue - s.head + 1;
    now_at := event_time(s);
    answer := write_off(s, p_actor, was, now_at, 'cancelled');
    RETURN remember_ticket(p_actor, p_key, p_digest, now_at, answer, undo_step(was, place, s.id, answer));
END
$$;

-- Cancels a ticket that waits or is parked, and writes the event.
CREATE FUNCTION write_off(s services, p_actor text, was tickets, now_at timestamptz, p_kind text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    t tickets := was;
    before jsonb := public_ticket(was, s.head);
BEGIN
    t.status := 'cancelled';
    t.position_in_queue := NULL;
    t.ended_at := now_at;
    PERFORM save_ticket(t);
    s := close_gap(s, was);
    RETURN append_queue_event(s, p_kind, p_actor, now_at, t, (before ->> 'position')::bigint, before);
END
$$;

-- Changes what is known of a patient: only the members that `p_changes` has; null clears one. Nothing of it is in the event:
-- windows learn it with the event's push, from the ticket.
CREATE FUNCTION update_ticket(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_changes jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    was tickets := lock_ticket(p_ticket);
    t tickets := was;
    s services;
    place bigint;
    now_at timestamptz;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    place := t.position_in_queue - s.head + 1;
    now_at := event_time(s);
    IF p_changes ? 'patient_name' THEN t.patient_name := p_changes ->> 'patient_name'; END IF;
    IF p_changes ? 'note' THEN t.note := p_changes ->> 'note'; END IF;
    IF p_changes ? 'language' THEN t.language := p_changes ->> 'language'; END IF;
    IF p_changes ? 'needs' THEN
        t.needs := ARRAY(SELECT jsonb_array_elements_text(coalesce(nullif(p_changes -> 'needs', 'null'), '[]')));
    END IF;
    PERFORM save_ticket(t);
    answer := append_queue_event(s, 'updated', p_actor, now_at, t, place, public_ticket(was, s.head));
    RETURN remember_ticket(p_actor, p_key, p_digest, now_at, answer, NULL);
END
$$;
