-- To another line, to another priority, to another place.
-- locks.sql describes what every operation does first and last.

-- Sends a patient to another line, with the same number, or to another place of this line. Calls and no-shows count again from 0. Two
-- lines: two events; one line: one.
CREATE OR REPLACE FUNCTION transfer_ticket(
    p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_service text, p_place text DEFAULT 'arrival',
    p_supervisor boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    target bigint := (SELECT id FROM services WHERE code = p_service AND retired_on IS NULL);
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
    PERFORM refuse_if_elsewhere(t, p_actor, p_supervisor);
    SELECT * INTO old_line FROM services WHERE id = was.service_id;
    SELECT * INTO new_line FROM services WHERE id = target;
    IF new_line.state = 'closed' THEN PERFORM refuse('service_closed', new_line.name || ' is closed.'); END IF;
    now_at := greatest(event_time(old_line), event_time(new_line));
    before := public_ticket(was, old_line.head);
    t.service_id := target;
    t.counter_id := NULL;
    t.calls := 0;
    t.no_shows := 0;
    t.called_at := NULL;
    t.started_at := NULL;

    -- Leave the old line first: the new place counts the other tickets only.
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

-- Gives a waiting or parked ticket another priority; a waiting ticket goes to the place of its new rank.
CREATE OR REPLACE FUNCTION set_ticket_priority(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_priority text)
RETURNS jsonb
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

-- Puts a waiting ticket at a place; beyond the end, at the last. It takes the rank of the ticket after it or, at the end of
-- the line, of the ticket before it, so that the line stays sorted. Its priority stays.
CREATE OR REPLACE FUNCTION move_ticket(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_position bigint) RETURNS jsonb
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
