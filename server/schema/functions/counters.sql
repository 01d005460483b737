-- A counter's state.
-- locks.sql describes what every operation does first and last.

-- Opens, pauses or closes a counter. Opening gives it to the caller, closing takes it away and is refused while a patient
-- is at the counter.
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
