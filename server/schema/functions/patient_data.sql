-- A patient's name, note, needs and language.
-- locks.sql describes what every operation does first and last.

-- Changes the members that `p_changes` has; null clears a member. The stored event contains no personal data: pushes and
-- readings take them from the ticket.
CREATE OR REPLACE FUNCTION update_ticket(p_actor text, p_key text, p_digest bytea, p_ticket uuid, p_changes jsonb) RETURNS jsonb
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
    PERFORM refuse_wrong_text(t.patient_name, 'The name', 100);
    PERFORM refuse_wrong_text(t.note, 'The note', 2000);
    PERFORM save_ticket(t);
    answer := append_queue_event(s, 'updated', p_actor, now_at, t, place, public_ticket(was, s.head));
    RETURN remember_ticket(p_actor, p_key, p_digest, now_at, answer, NULL);
END
$$;
