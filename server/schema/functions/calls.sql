-- From the call to the end of a consultation, at one counter.
-- locks.sql describes what every operation does first and last.

-- The ticket that a counter serves next: the best head among its lines. Null if no ticket waits.
CREATE OR REPLACE FUNCTION next_ticket(c counters) RETURNS tickets
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

-- Why a counter's next ticket is the next, as a code: a person placed it, its priority let it pass an earlier ticket, the
-- counter's order of services, or it waited longest. Computed before the call.
CREATE OR REPLACE FUNCTION why_next(c counters, t tickets, s services, now_at timestamptz) RETURNS jsonb
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
            -- A separate IF: a query under a condition that a plan can fold is planned again at every call.
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

-- Calls a ticket to a counter, from its line, from the parked or from the missed tickets. The caller has locked both and checked
-- that the call is allowed.
CREATE OR REPLACE FUNCTION seat_ticket(p_actor text, c counters, t tickets, now_at timestamptz) RETURNS jsonb
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

-- Ends a consultation that a person completed or marked as a no-show. A no-show goes to the end of the line until it is the
-- `no_shows`th of this ticket. The caller holds the line's lock.
CREATE OR REPLACE FUNCTION end_consultation(p_actor text, t tickets, p_status text) RETURNS jsonb
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
    IF p_status = 'no_show' THEN t.no_shows := t.no_shows + 1; END IF;
    IF p_status = 'no_show' AND t.no_shows < s.no_shows THEN
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

-- Makes a counter ready for a patient: completes `p_complete`, and gives a counter without a holder to the caller. Returns
-- the completion's event and undo, or null without one. The caller holds the locks of counter and lines.
CREATE OR REPLACE FUNCTION make_counter_free(p_actor text, c counters, p_complete uuid) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    t tickets;
    message jsonb;
BEGIN
    SELECT * INTO t FROM tickets WHERE counter_id = c.id AND status = 'consulting';
    IF c.held_by IS NULL THEN PERFORM hold_counter(c, p_actor); END IF;
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

-- Calls the best head among the counter's lines. With `p_complete`, completes that ticket first, in the same transaction, if
-- it is the one at the counter. If no ticket waits then, the completion stands and the ticket is null.
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
    c := enter_counter(c, p_actor, p_supervisor);
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

-- Calls one patient to a counter out of turn: a ticket that waits, is parked, or was missed today.
CREATE OR REPLACE FUNCTION call_patient(
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
    c := enter_counter(c, p_actor, p_supervisor);
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

-- Ends the consultation: the patient was served ("completed") or did not come ("no_show").
CREATE OR REPLACE FUNCTION finish_consultation(
    p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_status text, p_supervisor boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    t tickets := lock_ticket(p_ticket);
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    PERFORM refuse_if_elsewhere(t, p_actor, p_supervisor);
    answer := end_consultation(p_actor, t, p_status);
    RETURN remember_ticket(p_actor, p_key, p_digest, clock_timestamp(), answer, undo_step(t, NULL, t.service_id, answer));
END
$$;

-- Calls the patient at the counter once more.
CREATE OR REPLACE FUNCTION recall_patient(
    p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_supervisor boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    was tickets := lock_ticket(p_ticket);
    t tickets := was;
    s services;
    answer jsonb := remembered_result(p_actor, p_key, p_digest);
BEGIN
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF t.status <> 'consulting' THEN PERFORM refuse('not_consulting'); END IF;
    PERFORM refuse_if_elsewhere(t, p_actor, p_supervisor);
    SELECT * INTO s FROM services WHERE id = t.service_id;
    t.calls := t.calls + 1;
    t.called_at := event_time(s);
    PERFORM save_ticket(t);
    answer := append_queue_event(s, 'recalled', p_actor, t.called_at, t, NULL, public_ticket(was, s.head));
    RETURN remember_ticket(p_actor, p_key, p_digest, t.called_at, answer, undo_step(was, NULL, s.id, answer));
END
$$;
