-- A ticket ends without a consultation.
-- locks.sql describes what every operation does first and last.

-- Cancels a ticket that waits or is parked, and writes the event. The caller holds the line's lock.
CREATE OR REPLACE FUNCTION write_off(s services, p_actor text, was tickets, now_at timestamptz, p_kind text) RETURNS jsonb
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

-- Cancels a waiting or parked ticket. A kiosk (`p_own`) may cancel only what it issued itself, and only while it waits.
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
