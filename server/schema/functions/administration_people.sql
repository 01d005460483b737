-- Administration of accounts. `code` is the normal form of the sign-in name (core/texts.py), or the actor, e.g. "user:3".
-- administration.sql describes what every change does first and last.

-- An account as administrators see it.
CREATE OR REPLACE FUNCTION user_record(u users) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('user', 'user:' || u.id, 'version', u.version, 'name', u.username, 'display_name', u.display_name,
        'role', u.role, 'disabled', u.disabled_at IS NOT NULL, 'must_change_password', u.must_change_password)
$$;

-- Every account.
CREATE OR REPLACE FUNCTION users_overview() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(user_record(u) ORDER BY u.id), '[]') FROM users u
$$;

-- Locks an account; a row without id if there is none. A name counts before an actor of the same spelling.
CREATE OR REPLACE FUNCTION lock_user(p_code text) RETURNS users
LANGUAGE plpgsql AS $$
DECLARE
    u users;
BEGIN
    SELECT * INTO u FROM users WHERE name_key = p_code FOR NO KEY UPDATE;
    IF NOT FOUND AND p_code ~ '^user:[0-9]{1,18}$' THEN
        SELECT * INTO u FROM users WHERE id = actor_user(p_code) FOR NO KEY UPDATE;
    END IF;
    RETURN u;
END
$$;

-- Refuses a name that another account has.
CREATE OR REPLACE FUNCTION refuse_taken_user(u users) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    other users;
BEGIN
    SELECT * INTO other FROM users WHERE name_key = u.name_key AND id <> u.id;
    IF FOUND THEN
        PERFORM refuse_taken('name', format('There is already an account with the name %s%s.', other.username,
            CASE WHEN other.disabled_at IS NOT NULL THEN ' (disabled: enable it again)' ELSE '' END));
    END IF;
    SELECT * INTO other FROM users WHERE display_key = u.display_key AND id <> u.id;
    IF FOUND THEN
        PERFORM refuse_taken('display_name', format('The account %s is shown as %s already.', other.username, other.display_name));
    END IF;
END
$$;

-- Refuses to leave a clinic without an active administrator, unless the command line does it: it can make another one.
CREATE OR REPLACE FUNCTION refuse_without_admin(p_actor text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_actor LIKE 'user:%' AND NOT EXISTS (SELECT FROM users WHERE role = 'admin' AND disabled_at IS NULL) THEN
        PERFORM refuse('last_admin');
    END IF;
END
$$;

-- Creates an account with a hashed password.
CREATE OR REPLACE FUNCTION new_user(changes jsonb) RETURNS users
LANGUAGE plpgsql AS $$
DECLARE
    u users;
BEGIN
    u.id := 0;
    u.name_key := changes ->> 'name_key';
    u.display_key := coalesce(changes ->> 'display_name_key', u.name_key);
    PERFORM refuse_taken_user(u);
    INSERT INTO users (username, name_key, display_name, display_key, role, password_hash, version)
    VALUES (changes ->> 'name', u.name_key, coalesce(changes ->> 'display_name', changes ->> 'name'), u.display_key,
        changes ->> 'role', changes ->> 'password_hash', 0)
    RETURNING * INTO u;
    RETURN u;
END
$$;

-- Creates or changes an account. A new name is also what others read, if they read the name before.
CREATE OR REPLACE FUNCTION save_user(
    p_actor text, p_key text, p_digest bytea, p_code text, p_version bigint, p_changes jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    u users := lock_user(p_code);
    before jsonb := '{}';
    answer jsonb;
BEGIN
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF p_version = 0 THEN
        u := new_user(p_changes);
    ELSE
        IF u.id IS NULL THEN PERFORM refuse('unknown_user', format('There is no user %s.', p_code)); END IF;
        PERFORM refuse_if_edited('user', 'user:' || u.id, u.version, p_version);
        before := user_record(u);
        IF u.display_name = u.username AND p_changes ? 'name' THEN
            p_changes := jsonb_build_object('display_name', p_changes -> 'name', 'display_name_key', p_changes -> 'name_key') || p_changes;
        END IF;
        u.username := coalesce(p_changes ->> 'name', u.username);
        u.name_key := coalesce(p_changes ->> 'name_key', u.name_key);
        u.display_name := coalesce(p_changes ->> 'display_name', u.display_name);
        u.display_key := coalesce(p_changes ->> 'display_name_key', u.display_key);
        u.role := coalesce(p_changes ->> 'role', u.role);
        PERFORM refuse_taken_user(u);
    END IF;
    PERFORM refuse_wrong_text(u.username, 'The name', 64);
    PERFORM refuse_wrong_text(u.display_name, 'The displayed name', 100);
    IF before <> user_record(u) THEN
        u.version := u.version + 1;
        UPDATE users SET username = u.username, name_key = u.name_key, display_name = u.display_name,
            display_key = u.display_key, role = u.role, version = u.version
        WHERE id = u.id;
        PERFORM refuse_without_admin(p_actor);
        PERFORM append_admin_event(p_actor, CASE WHEN before = '{}' THEN 'user_added' ELSE 'user_set' END, 'user:' || u.id,
            jsonb_build_object('name', u.username, 'version', u.version, 'changes', differences(before, user_record(u) - 'user')));
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), user_record(u), '[]');
END
$$;

-- Sets an account's hashed password and ends its sessions, except the one with `p_keep`. `p_must_change`: the person has to choose
-- another one at the next sign-in, because another person knows this password.
CREATE OR REPLACE FUNCTION set_password(
    p_actor text, p_key text, p_digest bytea, p_code text, p_hash text, p_must_change boolean, p_keep bytea DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    u users := lock_user(p_code);
    answer jsonb;
BEGIN
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF u.id IS NULL THEN PERFORM refuse('unknown_user', format('There is no user %s.', p_code)); END IF;
    u.version := u.version + 1;
    u.must_change_password := p_must_change;
    UPDATE users SET password_hash = p_hash, must_change_password = p_must_change, version = u.version WHERE id = u.id;
    DELETE FROM sessions WHERE user_id = u.id AND token_hash IS DISTINCT FROM p_keep;
    PERFORM append_admin_event(p_actor, 'user_password_set', 'user:' || u.id,
        jsonb_build_object('name', u.username, 'version', u.version));
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), user_record(u), '[]');
END
$$;

-- Disables an account, or enables it again. A disabled one has no sessions, so that none comes back with it.
CREATE OR REPLACE FUNCTION switch_user(p_actor text, p_key text, p_digest bytea, p_code text, p_disabled boolean) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    u users := lock_user(p_code);
    answer jsonb;
BEGIN
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF u.id IS NULL THEN PERFORM refuse('unknown_user', format('There is no user %s.', p_code)); END IF;
    IF p_disabled <> (u.disabled_at IS NOT NULL) THEN
        u.version := u.version + 1;
        u.disabled_at := CASE WHEN p_disabled THEN clock_timestamp() END;
        UPDATE users SET disabled_at = u.disabled_at, version = u.version WHERE id = u.id;
        DELETE FROM sessions WHERE user_id = u.id;
        PERFORM refuse_without_admin(p_actor);
        PERFORM append_admin_event(p_actor, CASE WHEN p_disabled THEN 'user_disabled' ELSE 'user_enabled' END, 'user:' || u.id,
            jsonb_build_object('name', u.username, 'version', u.version,
                'changes', jsonb_build_object('disabled', jsonb_build_array(NOT p_disabled, p_disabled))));
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), user_record(u), '[]');
END
$$;
