-- A counter's state.
-- locks.sql describes what every operation does first and last.

-- Opens, pauses or closes a counter. Opening gives it to the caller, with its patient; a counter that another person holds only
-- to supervisors, or if its holder has gone. Closing takes it away and is refused while a patient is at the counter.
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
    c := enter_counter(c, p_actor, p_supervisor OR (p_state = 'open' AND absence(c.held_by) IS NOT NULL));
    IF p_state = 'closed' AND has_patient(c.id) THEN PERFORM refuse('counter_busy'); END IF;
    UPDATE counters SET state = p_state, held_by = CASE WHEN p_state = 'closed' THEN NULL ELSE held_by END WHERE id = c.id;
    IF p_state = 'open' OR (p_state = 'paused' AND c.held_by IS NULL) THEN PERFORM hold_counter(c, p_actor); END IF;
    PERFORM append_admin_event(p_actor, 'counter_' || p_state, c.code, jsonb_build_object('reason', p_reason)
        || CASE WHEN p_state = 'open' AND c.held_by <> actor_user(p_actor) THEN jsonb_build_object(
            'taken_from', 'user:' || c.held_by,
            'patient', (SELECT number FROM tickets WHERE counter_id = c.id AND status = 'consulting')) ELSE '{}' END);
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), jsonb_build_object('counter', c.code), '[]');
END
$$;
