-- One function an operation: one call, one transaction, one event (call_next with `complete`: two). Locks first, always
-- the counter, then services by id, always FOR NO KEY UPDATE; every later statement sees what it changes. The key is
-- looked up behind the first lock. All return {"result": ..., "events": [...]}, tickets in staff view.

-- A patient takes a turn: a number, and a place behind everybody of the same or better rank.
CREATE FUNCTION join_queue(
    p_actor text, p_key text, p_digest bytea, p_service text, p_priority text DEFAULT 'medium',
    p_patient_name text DEFAULT NULL, p_language text DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    t tickets;
    now_at timestamptz;
    old_head bigint;
    answer jsonb;
BEGIN
    SELECT * INTO s FROM services WHERE code = p_service FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM refuse('unknown_service', format('There is no service %s.', p_service)); END IF;
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF NOT s.is_open THEN PERFORM refuse('service_closed', format('%s is closed.', s.name)); END IF;

    now_at := event_time(s);
    IF business_day_at(now_at) > s.business_day THEN
        s.business_day := business_day_at(now_at);
        s.next_number := 1;
    END IF;
    WHILE EXISTS (SELECT FROM tickets WHERE origin_service_id = s.id AND number_value = s.next_number
                  AND status IN ('waiting', 'consulting', 'parked')) LOOP
        s.next_number := s.next_number + 1;
    END LOOP;

    t.id := gen_random_uuid();
    t.service_id := s.id;
    t.origin_service_id := s.id;
    t.business_day := s.business_day;
    t.number_value := s.next_number;
    t.number := s.prefix || lpad(s.next_number::text, greatest(3, length(s.next_number::text)), '0');
    t.priority := p_priority;
    t.status := 'waiting';
    t.rank_class := rank_class(p_priority, s.head_start);
    t.rank_time := rank_time(p_priority, s.head_start, now_at);
    t.calls := 0;
    t.language := p_language;
    t.patient_name := p_patient_name;
    t.needs := '{}';
    t.issued_by := p_actor;
    t.joined_at := now_at;

    t.position_in_queue := get_next_queue_position(s, t.rank_class, t.rank_time);
    old_head := s.head;
    s := reorder_queue_positions_atomic(s, t.position_in_queue, 1);
    t.position_in_queue := t.position_in_queue - (old_head - s.head);
    s.next_number := s.next_number + 1;
    INSERT INTO tickets SELECT t.*;
    answer := append_queue_event(s, 'joined', p_actor, now_at, t, NULL, NULL);
    RETURN remember_result(p_actor, p_key, p_digest, now_at,
        jsonb_build_object('ticket', answer -> 'ticket', 'revision', s.revision + 1), jsonb_build_array(answer));
END
$$;

-- Ends a consultation as `p_status` (completed or no_show), by a person's act alone. The ticket is locked by the caller.
CREATE FUNCTION end_consultation(p_actor text, t tickets, p_status text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    before jsonb;
BEGIN
    IF t.status <> 'consulting' THEN PERFORM refuse('not_consulting'); END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    before := public_ticket(t, s.head);
    t.status := p_status;
    t.ended_at := event_time(s);
    UPDATE tickets SET status = t.status, ended_at = t.ended_at WHERE id = t.id;
    RETURN append_queue_event(s, p_status, p_actor, t.ended_at, t, NULL, before);
END
$$;

-- Calls the best-ranked head among the counter's services; with `p_complete`, completes that ticket first, in the same
-- transaction, if it is the one open at the counter. If then nobody waits, the completion stands and the ticket is null.
CREATE FUNCTION call_next_patient(
    p_actor text, p_key text, p_digest bytea, p_counter text, p_complete uuid DEFAULT NULL, p_supervisor boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
    s services;
    t tickets;
    open_ticket tickets;
    now_at timestamptz;
    before jsonb;
    answer jsonb;
    events jsonb := '[]';
BEGIN
    c := lock_counter(p_counter, p_actor, p_supervisor);
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF c.state <> 'open' THEN PERFORM refuse('counter_closed'); END IF;
    PERFORM FROM services WHERE id IN (
        SELECT service_id FROM counter_services WHERE counter_id = c.id
        UNION SELECT service_id FROM tickets WHERE counter_id = c.id AND status = 'consulting'
    ) ORDER BY id FOR NO KEY UPDATE;

    SELECT * INTO open_ticket FROM tickets WHERE counter_id = c.id AND status = 'consulting';
    IF p_complete IS NOT NULL THEN
        IF open_ticket.id IS DISTINCT FROM p_complete THEN PERFORM refuse('not_consulting'); END IF;
        events := events || end_consultation(p_actor, open_ticket, 'completed');
    ELSIF open_ticket.id IS NOT NULL THEN
        PERFORM refuse('counter_busy', open_ticket.number || ' is still at this counter. Complete it first.');
    END IF;
    IF c.held_by IS NULL THEN UPDATE counters SET held_by = actor_user(p_actor) WHERE id = c.id; END IF;

    SELECT w.* INTO t
    FROM counter_services served
    JOIN services line ON line.id = served.service_id
    JOIN tickets w ON w.service_id = line.id AND w.status = 'waiting' AND w.position_in_queue = line.head
    WHERE served.counter_id = c.id
    ORDER BY w.rank_class, CASE WHEN c.rule = 'in_order' THEN served.place END, w.rank_time, served.place
    LIMIT 1;
    IF NOT FOUND THEN
        IF p_complete IS NULL THEN PERFORM refuse('queue_empty'); END IF;
        RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), jsonb_build_object(
            'ticket', NULL, 'why', NULL, 'revision', events #> '{0,revision}'), events);
    END IF;

    SELECT * INTO s FROM services WHERE id = t.service_id;
    before := public_ticket(t, s.head);
    now_at := event_time(s);
    t.status := 'consulting';
    t.position_in_queue := NULL;
    t.counter_id := c.id;
    t.calls := t.calls + 1;
    t.called_at := now_at;
    t.started_at := coalesce(t.started_at, now_at);
    UPDATE tickets SET status = t.status, position_in_queue = NULL, counter_id = t.counter_id, calls = t.calls,
        called_at = t.called_at, started_at = t.started_at WHERE id = t.id;
    s := reorder_queue_positions_atomic(s, s.head, -1);
    answer := append_queue_event(s, 'called', p_actor, now_at, t, 1, before);
    RETURN remember_result(p_actor, p_key, p_digest, now_at, jsonb_build_object(
        'ticket', answer -> 'ticket', 'revision', s.revision + 1,
        'why', jsonb_build_object('rule', c.rule, 'priority', t.priority,
            'waited', extract(epoch FROM now_at - t.joined_at)::integer)), events || answer);
END
$$;

-- A person ends the consultation: the patient was served ("completed") or never came ("no_show").
CREATE FUNCTION finish_consultation(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_status text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    t tickets := lock_ticket(p_ticket);
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    answer := end_consultation(p_actor, t, p_status);
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(),
        jsonb_build_object('ticket', answer -> 'ticket', 'revision', answer -> 'revision'), jsonb_build_array(answer));
END
$$;

-- Calls the patient at the counter once more.
CREATE FUNCTION recall_patient(p_actor text, p_key text, p_digest bytea, p_ticket uuid) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    t tickets := lock_ticket(p_ticket);
    s services;
    before jsonb;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF t.status <> 'consulting' THEN PERFORM refuse('not_consulting'); END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    before := public_ticket(t, s.head);
    t.calls := t.calls + 1;
    t.called_at := event_time(s);
    UPDATE tickets SET calls = t.calls, called_at = t.called_at WHERE id = t.id;
    answer := append_queue_event(s, 'recalled', p_actor, t.called_at, t, NULL, before);
    RETURN remember_result(p_actor, p_key, p_digest, t.called_at,
        jsonb_build_object('ticket', answer -> 'ticket', 'revision', answer -> 'revision'), jsonb_build_array(answer));
END
$$;

-- Takes a waiting or parked ticket out. A kiosk (`p_own`) may cancel only what it issued itself and only while it waits.
CREATE FUNCTION cancel_ticket(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_own boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    t tickets := lock_ticket(p_ticket);
    s services;
    before jsonb;
    slot bigint := t.position_in_queue;
    place bigint;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF p_own AND t.issued_by <> p_actor THEN PERFORM refuse('ticket_not_found'); END IF;
    IF t.status <> 'waiting' AND (p_own OR t.status <> 'parked') THEN PERFORM refuse('not_waiting'); END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    before := public_ticket(t, s.head);
    place := slot - s.head + 1;
    t.status := 'cancelled';
    t.position_in_queue := NULL;
    t.ended_at := event_time(s);
    UPDATE tickets SET status = t.status, position_in_queue = NULL, ended_at = t.ended_at WHERE id = t.id;
    IF slot IS NOT NULL THEN s := reorder_queue_positions_atomic(s, slot, -1); END IF;
    answer := append_queue_event(s, 'cancelled', p_actor, t.ended_at, t, place, before);
    RETURN remember_result(p_actor, p_key, p_digest, t.ended_at,
        jsonb_build_object('ticket', answer -> 'ticket', 'revision', answer -> 'revision'), jsonb_build_array(answer));
END
$$;

-- Opens, pauses or closes a counter. Opening takes it; closing gives it back, and waits for no patient's end.
CREATE FUNCTION set_counter_state(
    p_actor text, p_key text, p_digest bytea, p_counter text, p_state text, p_reason text DEFAULT NULL,
    p_supervisor boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    c counters := lock_counter(p_counter, p_actor, p_supervisor);
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF p_state = 'closed' AND EXISTS (SELECT FROM tickets WHERE counter_id = c.id AND status = 'consulting') THEN
        PERFORM refuse('counter_busy');
    END IF;
    UPDATE counters SET state = p_state,
        held_by = CASE WHEN p_state = 'closed' THEN NULL ELSE coalesce(held_by, actor_user(p_actor)) END
    WHERE id = c.id;
    PERFORM append_admin_event(p_actor, 'counter_' || p_state, c.code, jsonb_build_object('reason', p_reason));
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), jsonb_build_object('counter', c.code), '[]');
END
$$;
