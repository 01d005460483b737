-- Who may come in. Secrets arrive hashed: a token is 256 random bits, so one SHA-256 is enough.

-- The device that holds a token, unless revoked; null otherwise.
CREATE FUNCTION find_device(p_token_hash bytea) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', id, 'code', code, 'name', name, 'role', role)
    FROM devices WHERE token_hash = p_token_hash AND revoked_at IS NULL
$$;

-- An account by its name, with the hash to verify; null if there is none or it is disabled.
CREATE FUNCTION find_user(p_username text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', id, 'name', display_name, 'role', role, 'password_hash', password_hash)
    FROM users WHERE lower(username) = lower(p_username) AND disabled_at IS NULL
$$;

-- Opens a session for a person who just signed in, and forgets those that ran out.
CREATE FUNCTION open_session(p_token_hash bytea, p_user bigint, p_lifetime interval) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM sessions WHERE expires_at < clock_timestamp();
    INSERT INTO sessions VALUES (p_token_hash, p_user, clock_timestamp() + p_lifetime);
    SELECT append_admin_event('user:' || p_user, 'signed_in', 'user:' || p_user);
$$;

-- The person behind a session; null if it ran out, was closed, or the account was disabled.
CREATE FUNCTION find_session(p_token_hash bytea) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', u.id, 'name', u.display_name, 'role', u.role)
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.token_hash = p_token_hash AND s.expires_at > clock_timestamp() AND u.disabled_at IS NULL
$$;

-- Signs a person out.
CREATE FUNCTION close_session(p_token_hash bytea) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM sessions WHERE token_hash = p_token_hash
$$;

-- Exchanges a pairing code for a token, once; null if the code is wrong, used or too old.
CREATE FUNCTION pair_device(p_code_hash bytea, p_token_hash bytea) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    d devices;
BEGIN
    DELETE FROM pairing_codes WHERE code_hash = p_code_hash AND expires_at > clock_timestamp() RETURNING device_id INTO d.id;
    IF NOT FOUND THEN RETURN NULL; END IF;
    UPDATE devices SET token_hash = p_token_hash, version = version + 1 WHERE id = d.id AND revoked_at IS NULL
    RETURNING * INTO d;
    IF NOT FOUND THEN RETURN NULL; END IF;
    PERFORM append_admin_event('device:' || d.id, 'device_paired', 'device:' || d.id);
    RETURN jsonb_build_object('code', d.code, 'name', d.name, 'role', d.role);
END
$$;

-- Everybody who may be connected: actor -> role. A hub closes the others' connections.
CREATE FUNCTION admitted_actors() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(actor, role), '{}') FROM (
        SELECT 'user:' || id AS actor, role FROM users WHERE disabled_at IS NULL
        UNION ALL SELECT 'device:' || id, role FROM devices WHERE revoked_at IS NULL AND token_hash IS NOT NULL) a
$$;

-- Requests are remembered for seven days: nobody repeats one that long after. Returns how many were forgotten.
CREATE FUNCTION forget_old_requests() RETURNS jsonb
LANGUAGE sql AS $$
    WITH forgotten AS (DELETE FROM requests WHERE at < clock_timestamp() - interval '7 days' RETURNING 1)
    SELECT to_jsonb(count(*)) FROM forgotten
$$;
