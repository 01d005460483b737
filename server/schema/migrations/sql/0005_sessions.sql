-- Sessions have a number and an end that hubs know of, so that they close the sockets of one that is over.

-- Opens a session for a person who just signed in and forgets those that ran out; of more than p_most the oldest end.
CREATE FUNCTION open_session(p_token_hash bytea, p_user bigint, p_lifetime interval, p_most integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- One sign-in of a person after the other, so that the count holds.
    PERFORM FROM users WHERE id = p_user FOR NO KEY UPDATE;
    DELETE FROM sessions WHERE expires_at < clock_timestamp();
    INSERT INTO sessions VALUES (p_token_hash, p_user, clock_timestamp() + p_lifetime);
    DELETE FROM sessions s USING (
        SELECT token_hash FROM sessions WHERE user_id = p_user ORDER BY expires_at DESC, token_hash OFFSET p_most) oldest
    WHERE s.token_hash = oldest.token_hash;
    PERFORM append_admin_event('user:' || p_user, 'signed_in', 'user:' || p_user);
END
$$;

-- The person behind a session and the seconds it has left; null if it ran out, was closed, or the account was disabled.
CREATE OR REPLACE FUNCTION find_session(p_token_hash bytea) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', u.id, 'name', u.display_name, 'role', u.role,
        'expires_in', extract(epoch FROM s.expires_at - clock_timestamp())::float8)
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.token_hash = p_token_hash AND s.expires_at > clock_timestamp() AND u.disabled_at IS NULL
$$;

-- Which of these hashed tokens and sessions still open the door: hash in hex -> role. A hub closes the others' connections.
CREATE FUNCTION admitted_secrets(p_hashes bytea[]) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(encode(hash, 'hex'), role), '{}') FROM (
        SELECT d.token_hash AS hash, d.role FROM devices d WHERE d.token_hash = ANY (p_hashes) AND d.revoked_at IS NULL
        UNION ALL
        SELECT s.token_hash, u.role FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.token_hash = ANY (p_hashes) AND s.expires_at > clock_timestamp() AND u.disabled_at IS NULL) a
$$;
