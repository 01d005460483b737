-- A patient joins a line.
-- locks.sql describes what every operation does first and last.

-- Takes a number and a place behind all tickets of the same or better rank.
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
    s := lock_service(p_service);
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF p_patient_name IS NOT NULL THEN PERFORM refuse_wrong_text(p_patient_name, 'The name', 100); END IF;
    now_at := event_time(s);
    s := take_prefix(begin_business_day(s, business_day_at(now_at)), s.next_prefix);
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
    t.no_shows := 0;
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
