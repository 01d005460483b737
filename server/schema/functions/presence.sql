-- Who is here: a counter without a patient is not kept for a person who has gone. A counter with a patient keeps its holder until
-- another person opens it.

-- Why a person has gone: "disabled", "signed_out" (no session is left) or "away" (not seen for `counter_free_after` of the hub's
-- uptime). Null for a person who is here, or whom no hub has seen yet.
CREATE OR REPLACE FUNCTION absence(p_user bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p presence;
BEGIN
    IF (SELECT disabled_at FROM users WHERE id = p_user) IS NOT NULL THEN RETURN 'disabled'; END IF;
    SELECT * INTO p FROM presence WHERE user_id = p_user;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF NOT has_session(p_user) THEN RETURN 'signed_out'; END IF;
    IF (SELECT uptime FROM hubs WHERE address = p.hub) - p.seen_at >= (SELECT counter_free_after FROM settings) THEN
        RETURN 'away';
    END IF;
    RETURN NULL;
END
$$;

-- Whether a person has a session that has not expired.
CREATE OR REPLACE FUNCTION has_session(p_user bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM sessions WHERE user_id = p_user AND expires_at > clock_timestamp())
$$;

-- Whether a patient is at a counter. Patients come to a counter under its lock only.
CREATE OR REPLACE FUNCTION has_patient(p_counter_id bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM tickets WHERE counter_id = p_counter_id AND status = 'consulting')
$$;

-- Takes a counter without a patient from its holder. The caller has locked it.
CREATE OR REPLACE FUNCTION free_counter(c counters, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE counters SET held_by = NULL WHERE id = c.id;
    PERFORM append_admin_event('schedule', 'counter_freed', c.code,
        jsonb_build_object('reason', p_reason, 'held_by', 'user:' || c.held_by));
END
$$;

-- Takes all counters without a patient from these holders. A counter that an operation has locked is left to note_presence: waiting
-- for it here could deadlock. Returns the counters' codes.
CREATE OR REPLACE FUNCTION free_counters(p_users bigint[], p_reason text) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
    freed text[] := '{}';
BEGIN
    FOR c IN SELECT * FROM counters WHERE held_by = ANY (p_users) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED LOOP
        CONTINUE WHEN has_patient(c.id);
        PERFORM free_counter(c, p_reason);
        freed := freed || c.code;
    END LOOP;
    RETURN freed;
END
$$;

-- A hub tells which people are connected to it, and the seconds that it was up since it told last. Frees the counters of all
-- people who have gone. Returns the counters' codes.
CREATE OR REPLACE FUNCTION note_presence(p_hub text, p_users bigint[], p_seconds float8) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    now_up interval;
    reason text;
    freed text[] := '{}';
BEGIN
    INSERT INTO hubs (address) VALUES (p_hub) ON CONFLICT DO NOTHING;
    UPDATE hubs SET uptime = uptime + make_interval(secs => p_seconds) WHERE address = p_hub RETURNING uptime INTO now_up;
    -- A holder whom no hub has noted counts as seen now: a hub may have been killed before it told of the person.
    INSERT INTO presence SELECT id, p_hub, now_up FROM users u WHERE id = ANY (p_users)
        OR id IN (SELECT held_by FROM counters) AND NOT EXISTS (SELECT FROM presence p WHERE p.user_id = u.id) ORDER BY id
    ON CONFLICT (user_id) DO UPDATE SET hub = p_hub, seen_at = now_up;
    FOREACH reason IN ARRAY '{disabled, signed_out, away}'::text[] LOOP
        freed := freed || free_counters(ARRAY(SELECT held_by FROM counters WHERE absence(held_by) = reason), reason);
    END LOOP;
    RETURN to_jsonb(freed);
END
$$;

-- A person who takes a counter is here, whatever a hub noted last. A row that is locked is being noted: waiting could deadlock.
CREATE OR REPLACE FUNCTION note_arrival(p_user bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM presence WHERE user_id = p_user FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE presence p SET seen_at = h.uptime FROM hubs h WHERE p.user_id = p_user AND h.address = p.hub;
    END IF;
END
$$;
