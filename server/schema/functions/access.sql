-- Devices, accounts and sessions. The hub passes secrets hashed: a token has 256 random bits, so that one SHA-256 is enough.

-- The device with a token; null if there is none or it is revoked.
CREATE OR REPLACE FUNCTION find_device(p_token_hash bytea) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', id, 'code', code, 'name', name, 'role', role)
    FROM devices WHERE token_hash = p_token_hash AND revoked_at IS NULL
$$;

-- An account by its name's normal form (core/texts.py), with its password hash; null if there is none or it is disabled.
CREATE OR REPLACE FUNCTION find_user(p_username text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', id, 'name', display_name, 'role', role, 'password_hash', password_hash,
        'must_change_password', must_change_password)
    FROM users WHERE name_key = p_username AND disabled_at IS NULL
$$;

-- The account behind an actor, with its password hash; null if it is disabled.
CREATE OR REPLACE FUNCTION find_user_of(p_actor text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT find_user(name_key) FROM users WHERE id = actor_user(p_actor)
$$;

-- Opens a session for a person who signed in, and deletes expired sessions. A person has at most `p_most`: the oldest are deleted.
CREATE OR REPLACE FUNCTION open_session(p_token_hash bytea, p_user bigint, p_lifetime interval, p_most integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- Sign-ins of one person run one after the other, so that the count holds.
    PERFORM FROM users WHERE id = p_user FOR NO KEY UPDATE;
    DELETE FROM sessions WHERE expires_at < clock_timestamp();
    INSERT INTO sessions VALUES (p_token_hash, p_user, clock_timestamp() + p_lifetime);
    DELETE FROM sessions s USING (
        SELECT token_hash FROM sessions WHERE user_id = p_user ORDER BY expires_at DESC, token_hash OFFSET p_most) oldest
    WHERE s.token_hash = oldest.token_hash;
    PERFORM append_admin_event('user:' || p_user, 'signed_in', 'user:' || p_user);
END
$$;

-- The person behind a session and its remaining seconds; null if it expired, was closed, or the account is disabled.
CREATE OR REPLACE FUNCTION find_session(p_token_hash bytea) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', u.id, 'name', u.display_name, 'role', u.role,
        'expires_in', extract(epoch FROM s.expires_at - clock_timestamp())::float8)
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.token_hash = p_token_hash AND s.expires_at > clock_timestamp() AND u.disabled_at IS NULL
$$;

-- Deletes a session: its person signed out. With the last one the person's counters are free.
CREATE OR REPLACE FUNCTION close_session(p_token_hash bytea) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    person bigint;
BEGIN
    DELETE FROM sessions WHERE token_hash = p_token_hash RETURNING user_id INTO person;
    IF person IS NOT NULL AND NOT has_session(person) THEN PERFORM free_counters(ARRAY[person], 'signed_out'); END IF;
END
$$;

-- Exchanges a pairing code for a token, once; null if the code is wrong, used or expired. `p_role` is the program's: a code of
-- the other role is refused and stays valid.
CREATE OR REPLACE FUNCTION pair_device(p_code_hash bytea, p_token_hash bytea, p_role text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    d devices;
BEGIN
    SELECT x.* INTO d FROM pairing_codes c JOIN devices x ON x.id = c.device_id
    WHERE c.code_hash = p_code_hash AND c.expires_at > clock_timestamp();
    IF d.role <> p_role THEN PERFORM refuse('wrong_role', format('This code is for a %s.', d.role)); END IF;
    DELETE FROM pairing_codes WHERE code_hash = p_code_hash AND expires_at > clock_timestamp() RETURNING device_id INTO d.id;
    IF NOT FOUND THEN RETURN NULL; END IF;
    UPDATE devices SET token_hash = p_token_hash, version = version + 1 WHERE id = d.id AND revoked_at IS NULL
    RETURNING * INTO d;
    IF NOT FOUND THEN RETURN NULL; END IF;
    PERFORM append_admin_event('device:' || d.id, 'device_paired', 'device:' || d.id);
    RETURN jsonb_build_object('code', d.code, 'name', d.name, 'role', d.role);
END
$$;

-- Which of these hashed tokens and sessions are still valid: hash in hex -> role. A hub closes the connections with any
-- other.
CREATE OR REPLACE FUNCTION admitted_secrets(p_hashes bytea[]) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(encode(hash, 'hex'), role), '{}') FROM (
        SELECT d.token_hash AS hash, d.role FROM devices d WHERE d.token_hash = ANY (p_hashes) AND d.revoked_at IS NULL
        UNION ALL
        SELECT s.token_hash, u.role FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.token_hash = ANY (p_hashes) AND s.expires_at > clock_timestamp() AND u.disabled_at IS NULL) a
$$;
