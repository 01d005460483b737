-- Administration of devices. Their names may be the same; their codes never are.
-- administration.sql describes what every change does first and last.

-- A device as administrators see it.
CREATE OR REPLACE FUNCTION device_record(d devices) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('code', d.code, 'version', d.version, 'name', d.name, 'role', d.role, 'device', 'device:' || d.id,
        'state', CASE WHEN d.revoked_at IS NOT NULL THEN 'revoked' WHEN d.token_hash IS NULL THEN 'unpaired' ELSE 'active' END)
$$;

-- Every device, also those that were revoked.
CREATE OR REPLACE FUNCTION devices_overview() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(device_record(d) ORDER BY d.id), '[]') FROM devices d
$$;

-- Creates a device. Its code is `wish`, or `wish` with the first free number.
CREATE OR REPLACE FUNCTION new_device(wish text, changes jsonb) RETURNS devices
LANGUAGE plpgsql AS $$
DECLARE
    d devices;
    number integer := 1;
BEGIN
    d.code := wish;
    WHILE EXISTS (SELECT FROM devices WHERE code = d.code) LOOP
        number := number + 1;
        d.code := wish || '-' || number;
    END LOOP;
    INSERT INTO devices (code, name, name_key, role, token_hash, version)
    VALUES (d.code, changes ->> 'name', changes ->> 'name_key', changes ->> 'role', decode(changes ->> 'token_hash', 'hex'), 1)
    RETURNING * INTO d;
    IF changes ? 'code_hash' THEN
        INSERT INTO pairing_codes VALUES (decode(changes ->> 'code_hash', 'hex'), d.id,
            clock_timestamp() + make_interval(secs => (changes ->> 'code_seconds')::integer));
    END IF;
    RETURN d;
END
$$;

-- Creates a device, with the hash of its token or of its pairing code, or gives one another name. `p_code` is the code; for a new
-- device the wish for one.
CREATE OR REPLACE FUNCTION save_device(
    p_actor text, p_key text, p_digest bytea, p_code text, p_version bigint, p_changes jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    d devices;
    before jsonb := '{}';
    answer jsonb;
BEGIN
    SELECT * INTO d FROM devices WHERE code = p_code FOR NO KEY UPDATE;
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF p_version = 0 THEN
        d := new_device(p_code, p_changes);
        PERFORM append_admin_event(p_actor, 'device_added', 'device:' || d.id,
            jsonb_build_object('code', d.code, 'version', 1, 'changes', differences('{}', device_record(d) - 'device' - 'state')));
    ELSE
        IF d.id IS NULL THEN PERFORM refuse('unknown_device', format('There is no device with the code %s.', p_code)); END IF;
        PERFORM refuse_if_edited('device', 'device:' || d.id, d.version, p_version);
        before := device_record(d);
        d.name := coalesce(p_changes ->> 'name', d.name);
        d.name_key := coalesce(p_changes ->> 'name_key', d.name_key);
    END IF;
    PERFORM refuse_wrong_text(d.name, 'The name', 100);
    IF before <> '{}' AND before <> device_record(d) THEN
        d.version := d.version + 1;
        UPDATE devices SET name = d.name, name_key = d.name_key, version = d.version WHERE id = d.id;
        PERFORM append_admin_event(p_actor, 'device_set', 'device:' || d.id,
            jsonb_build_object('code', d.code, 'version', d.version, 'changes', differences(before, device_record(d))));
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), device_record(d), '[]');
END
$$;

-- Ends a device's token and pairing code. `p_code` is its code or, if only one device that is not revoked has it, its name:
-- `p_name_key` is the normal form.
CREATE OR REPLACE FUNCTION revoke_device(p_actor text, p_key text, p_digest bytea, p_code text, p_name_key text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    d devices;
    codes text[];
    answer jsonb;
BEGIN
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    SELECT * INTO d FROM devices WHERE code = p_code;
    IF NOT FOUND THEN
        codes := ARRAY(SELECT code FROM devices WHERE name_key = p_name_key AND revoked_at IS NULL ORDER BY id);
        IF cardinality(codes) > 1 THEN
            PERFORM refuse_with('ambiguous_device', jsonb_build_object('codes', codes), format(
                '%s devices have that name. Give the code of one: %s.', cardinality(codes), array_to_string(codes, ', ')));
        END IF;
        SELECT * INTO d FROM devices WHERE name_key = p_name_key ORDER BY revoked_at IS NULL DESC, id DESC LIMIT 1;
    END IF;
    IF d.id IS NULL THEN PERFORM refuse('unknown_device', format('There is no device %s.', p_code)); END IF;
    IF d.revoked_at IS NULL THEN
        d.revoked_at := clock_timestamp();
        d.version := d.version + 1;
        UPDATE devices SET revoked_at = d.revoked_at, version = d.version WHERE id = d.id;
        DELETE FROM pairing_codes WHERE device_id = d.id;
        PERFORM append_admin_event(p_actor, 'device_revoked', 'device:' || d.id,
            jsonb_build_object('code', d.code, 'name', d.name, 'version', d.version));
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), device_record(d), '[]');
END
$$;
