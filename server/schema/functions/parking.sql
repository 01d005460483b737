-- Parking: out of the line and back into it.
-- locks.sql describes what every operation does first and last.

-- Whether a ticket outside of its line may come back: parked, or missed today.
CREATE OR REPLACE FUNCTION can_come_back(t tickets) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN t.status = 'parked' OR (t.status = 'no_show' AND t.business_day >= business_day_now());
END
$$;

-- Puts a patient aside, from the line or from the counter.
CREATE OR REPLACE FUNCTION park_ticket(
    p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_reason text DEFAULT NULL, p_supervisor boolean DEFAULT false
) RETURNS jsonb
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
    PERFORM refuse_wrong_text(p_reason, 'The reason', 200);
    PERFORM refuse_if_elsewhere(t, p_actor, p_supervisor);
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

-- Puts a parked ticket, or a ticket missed today, into the line again: first, by arrival, or last.
CREATE OR REPLACE FUNCTION unpark_ticket(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_place text DEFAULT 'arrival')
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
