-- From joining to the end of a consultation. One function an operation: one call, one transaction, one event for each ticket
-- and line it changes. Locks first, always the counter, then services by id, always FOR NO KEY UPDATE; every later statement
-- sees what it changes. The key is looked up behind the locks. All return {"result": ..., "events": [...]}, tickets in
-- staff view.
DROP FUNCTION end_consultation(text, tickets, text);

-- A patient takes a turn: a number, and a place behind everybody of the same or better rank.
CREATE OR REPLACE FUNCTION join_queue(
    p_actor text, p_key text, p_digest bytea, p_service text, p_priority text DEFAULT 'medium',
    p_patient_name text DEFAULT NULL, p_language text DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    t tickets;
    none tickets;
    now_at timestamptz;
    place bigint;
    answer jsonb;
BEGIN
    SELECT * INTO s FROM services WHERE code = p_service FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM refuse('unknown_service', format('There is no service %s.', p_service)); END IF;
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    now_at := event_time(s);
    s := begin_business_day(s, business_day_at(now_at));
    PERFORM refuse_unless_open(s, now_at);
    s := take_number(s);

    t.id := gen_random_uuid();
    t.service_id := s.id;
    t.origin_service_id := s.id;
    t.business_day := s.business_day;
    t.number_value := s.next_number - 1;
    t.number := ticket_number(s.prefix, t.number_value);
    t.priority := p_priority;
    t.status := 'waiting';
    t.rank_class := rank_class(p_priority, s.head_start);
    t.rank_time := rank_time(p_priority, s.head_start, now_at);
    t.placed_by_hand := false;
    t.calls := 0;
    t.language := p_language;
    t.patient_name := p_patient_name;
    t.needs := '{}';
    t.issued_by := p_actor;
    t.joined_at := now_at;

    place := get_next_queue_position(s, t.rank_class, t.rank_time);
    s := reorder_queue_positions_atomic(s, NULL, place);
    t.position_in_queue := s.head + place - 1;
    INSERT INTO tickets SELECT t.*;
    answer := append_queue_event(s, 'joined', p_actor, now_at, t, NULL, NULL);
    RETURN remember_ticket(p_actor, p_key, p_digest, now_at, answer, undo_step(none, NULL, s.id, answer));
END
$$;

-- Which of a counter's lines is served next: its head's ticket. Null when nobody waits.
CREATE FUNCTION next_ticket(c counters) RETURNS tickets
LANGUAGE plpgsql STABLE AS $$
DECLARE
    t tickets;
BEGIN
    SELECT w.* INTO t
    FROM counter_services served
    JOIN services line ON line.id = served.service_id
    JOIN tickets w ON w.service_id = line.id AND w.status = 'waiting' AND w.position_in_queue = line.head
    WHERE served.counter_id = c.id
    ORDER BY w.rank_class, CASE WHEN c.rule = 'in_order' THEN served.place END, w.rank_time, served.place
    LIMIT 1;
    RETURN t;
END
$$;

-- Why a counter's next ticket is the next, in words that programs know: a person placed it, its priority let it pass somebody
-- who came earlier, the counter's order of services did, or it simply waited longest. Asked before the call.
CREATE FUNCTION why_next(c counters, t tickets, s services, now_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    reason text := 'waited_longest';
    second_joined timestamptz;
BEGIN
    IF t.placed_by_hand THEN
        reason := 'placed_by_hand';
    ELSE
        SELECT joined_at INTO second_joined FROM tickets
        WHERE service_id = s.id AND status = 'waiting' AND position_in_queue = s.head + 1;
        IF t.priority = 'high' OR second_joined < t.joined_at THEN
            reason := 'priority';
        ELSIF c.rule = 'in_order' THEN
            -- An IF of its own: a query under a condition that a plan can fold is planned again at every call.
            IF EXISTS (SELECT FROM counter_services served JOIN services line ON line.id = served.service_id
                JOIN tickets w ON w.service_id = line.id AND w.status = 'waiting' AND w.position_in_queue = line.head
                WHERE served.counter_id = c.id AND (w.rank_class, w.rank_time) < (t.rank_class, t.rank_time)) THEN
                reason := 'counter_order';
            END IF;
        END IF;
    END IF;
    RETURN jsonb_build_object('rule', c.rule, 'reason', reason, 'service', s.code, 'priority', t.priority,
        'waited', extract(epoch FROM now_at - t.joined_at)::integer);
END
$$;

-- Brings a ticket, from wherever it is, to a counter. The caller has locked both and checked that they may meet.
CREATE FUNCTION seat_ticket(p_actor text, c counters, t tickets, now_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    before jsonb;
    place bigint;
BEGIN
    SELECT * INTO s FROM services WHERE id = t.service_id;
    before := public_ticket(t, s.head);
    place := t.position_in_queue - s.head + 1;
    t.status := 'consulting';
    t.position_in_queue := NULL;
    t.counter_id := c.id;
    t.calls := t.calls + 1;
    t.called_at := now_at;
    t.started_at := now_at;
    t.ended_at := NULL;
    PERFORM save_ticket(t);
    IF place IS NOT NULL THEN s := reorder_queue_positions_atomic(s, place, NULL); END IF;
    RETURN append_queue_event(s, 'called', p_actor, now_at, t, place, before);
END
$$;

-- Ends a consultation by a person's act. A no-show sends the patient to the end of the line until they were called often
-- enough. The ticket's line is locked by the caller.
CREATE FUNCTION end_consultation(p_actor text, t tickets, p_status text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    before jsonb;
    now_at timestamptz;
    reason text;
BEGIN
    IF t.status <> 'consulting' THEN PERFORM refuse('not_consulting'); END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    before := public_ticket(t, s.head);
    now_at := event_time(s);
    IF p_status = 'no_show' AND t.calls < s.no_show_calls THEN
        reason := 'no_show';
        t := rank_for_place(t, s, 'last');
        s := reorder_queue_positions_atomic(s, NULL, s.tail - s.head + 1);
        t.status := 'waiting';
        t.position_in_queue := s.tail - 1;
        t.counter_id := NULL;
        t.started_at := NULL;
    ELSE
        t.status := p_status;
        t.ended_at := now_at;
    END IF;
    PERFORM save_ticket(t);
    RETURN append_queue_event(s, p_status, p_actor, now_at, t, NULL, before, reason);
END
$$;

-- Makes a counter ready for a patient: free once `p_complete` is, and the caller's if nobody holds it. Returns what the
-- completion wrote, with its undo; null without one. Counter and lines are locked by the caller.
CREATE FUNCTION make_counter_free(p_actor text, c counters, p_complete uuid) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    t tickets;
    message jsonb;
BEGIN
    SELECT * INTO t FROM tickets WHERE counter_id = c.id AND status = 'consulting';
    IF c.held_by IS NULL THEN UPDATE counters SET held_by = actor_user(p_actor) WHERE id = c.id; END IF;
    IF p_complete IS NOT NULL THEN
        IF t.id IS DISTINCT FROM p_complete THEN PERFORM refuse('not_consulting'); END IF;
        message := end_consultation(p_actor, t, 'completed');
        RETURN jsonb_build_object('message', message, 'undo', undo_step(t, NULL, t.service_id, message));
    ELSIF t.id IS NOT NULL THEN
        PERFORM refuse('counter_busy', t.number || ' is still at this counter. Complete it first.');
    END IF;
    RETURN NULL;
END
$$;

-- Calls the best-ranked head among the counter's services; with `p_complete`, completes that ticket first, in the same
-- transaction, if it is the one open at the counter. If then nobody waits, the completion stands and the ticket is null.
CREATE OR REPLACE FUNCTION call_next_patient(
    p_actor text, p_key text, p_digest bytea, p_counter text, p_complete uuid DEFAULT NULL, p_supervisor boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
    s services;
    t tickets;
    now_at timestamptz;
    why jsonb;
    answer jsonb;
    freed jsonb;
    events jsonb := '[]';
    undo jsonb := '[]';
BEGIN
    c := lock_counter(p_counter);
    PERFORM lock_lines(ARRAY(SELECT service_id FROM counter_services WHERE counter_id = c.id
        UNION SELECT service_id FROM tickets WHERE counter_id = c.id AND status = 'consulting'));
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    PERFORM refuse_if_taken(c, p_actor, p_supervisor);
    IF c.state <> 'open' THEN PERFORM refuse('counter_closed'); END IF;
    freed := make_counter_free(p_actor, c, p_complete);
    IF freed IS NOT NULL THEN
        events := jsonb_build_array(freed -> 'message');
        undo := jsonb_build_array(freed -> 'undo');
    END IF;

    t := next_ticket(c);
    IF t.id IS NULL THEN
        IF freed IS NULL THEN PERFORM refuse('queue_empty'); END IF;
        RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), jsonb_build_object(
            'ticket', NULL, 'why', NULL, 'revision', events #> '{0,revision}'), events, undo);
    END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    now_at := event_time(s);
    why := why_next(c, t, s, now_at);
    answer := seat_ticket(p_actor, c, t, now_at);
    RETURN remember_result(p_actor, p_key, p_digest, now_at,
        jsonb_build_object('ticket', answer -> 'ticket', 'revision', answer -> 'revision', 'why', why),
        events || answer, undo || undo_step(t, 1, t.service_id, answer));
END
$$;

-- Calls one patient to a counter, whoever is next: one who waits, is parked, or was missed today.
CREATE FUNCTION call_patient(
    p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_counter text, p_supervisor boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    c counters := lock_counter(p_counter);
    t tickets := lock_ticket(p_ticket, ARRAY(SELECT service_id FROM tickets WHERE counter_id = c.id AND status = 'consulting'));
    s services;
    now_at timestamptz;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    PERFORM refuse_if_taken(c, p_actor, p_supervisor);
    IF c.state <> 'open' THEN PERFORM refuse('counter_closed'); END IF;
    IF t.status <> 'waiting' AND NOT can_come_back(t) THEN PERFORM refuse('not_waiting'); END IF;
    PERFORM make_counter_free(p_actor, c, NULL);
    SELECT * INTO s FROM services WHERE id = t.service_id;
    now_at := event_time(s);
    answer := seat_ticket(p_actor, c, t, now_at);
    RETURN remember_ticket(p_actor, p_key, p_digest, now_at, answer,
        undo_step(t, t.position_in_queue - s.head + 1, t.service_id, answer));
END
$$;

-- A person ends the consultation: the patient was served ("completed") or did not come ("no_show").
CREATE OR REPLACE FUNCTION finish_consultation(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_status text)
RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    t tickets := lock_ticket(p_ticket);
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    answer := end_consultation(p_actor, t, p_status);
    RETURN remember_ticket(p_actor, p_key, p_digest, clock_timestamp(), answer, undo_step(t, NULL, t.service_id, answer));
END
$$;

-- Calls the patient at the counter once more.
CREATE OR REPLACE FUNCTION recall_patient(p_actor text, p_key text, p_digest bytea, p_ticket uuid) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    was tickets := lock_ticket(p_ticket);
    t tickets := was;
    s services;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF t.status <> 'consulting' THEN PERFORM refuse('not_consulting'); END IF;
    SELECT * INTO s FROM services WHERE id = t.service_id;
    t.calls := t.calls + 1;
    t.called_at := event_time(s);
    PERFORM save_ticket(t);
    answer := append_queue_event(s, 'recalled', p_actor, t.called_at, t, NULL, public_ticket(was, s.head));
    RETURN remember_ticket(p_actor, p_key, p_digest, t.called_at, answer, undo_step(was, NULL, s.id, answer));
END
$$;

-- Whether a ticket out of line may come back: parked, or missed today.
CREATE FUNCTION can_come_back(t tickets) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN t.status = 'parked' OR (t.status = 'no_show' AND t.business_day >= business_day_at(clock_timestamp()));
END
$$;

-- Opens, pauses or closes a counter. Opening takes it; closing gives it back, and waits for no patient's end.
CREATE OR REPLACE FUNCTION set_counter_state(
    p_actor text, p_key text, p_digest bytea, p_counter text, p_state text, p_reason text DEFAULT NULL,
    p_supervisor boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    c counters := lock_counter(p_counter);
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    PERFORM refuse_if_taken(c, p_actor, p_supervisor);
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
