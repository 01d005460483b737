-- What every change of administration is made of. The command line and the wire call the same functions, in one form:
-- save_…(actor, key, digest, code, version, changes). `version` 0 creates; null changes whatever version is there; any other must be
-- the one in force. `changes` has the fields of the record that are to change, named as the command line's options.
-- A function locks its own row first (counters before services), then the site's row, which orders all changes of the
-- configuration. Then it looks its key up. It returns {"result": the record as it is now, "events": [...]}.

-- Like refuse, with members for the error's `data` beside its reason.
CREATE OR REPLACE FUNCTION refuse_with(reason text, data jsonb, sentence text DEFAULT '') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'IT000', MESSAGE = reason, DETAIL = sentence, HINT = data::text;
END
$$;

-- Refuses a field's value.
CREATE OR REPLACE FUNCTION refuse_field(field text, sentence text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_with('invalid_params', jsonb_build_object('path', '$.changes.' || field), sentence);
END
$$;

-- Refuses a value that another record has; `field` is "code", "name" or "prefix".
CREATE OR REPLACE FUNCTION refuse_taken(field text, sentence text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_with('already_taken', jsonb_build_object('field', field), sentence);
END
$$;

-- Locks the site's row: changes of the configuration happen one after the other.
CREATE OR REPLACE FUNCTION lock_configuration() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM settings FOR NO KEY UPDATE;
END
$$;

-- A person's or a device's name for other people.
CREATE OR REPLACE FUNCTION actor_name(actor text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT display_name FROM users WHERE id = actor_user(actor)),
        CASE WHEN actor LIKE 'device:%' THEN (SELECT name FROM devices WHERE id = split_part(actor, ':', 2)::bigint) END,
        actor)
$$;

-- What differs between two states of a record: field -> [before, now].
CREATE OR REPLACE FUNCTION differences(before jsonb, now jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(n.key, jsonb_build_array(before -> n.key, n.value)), '{}')
    FROM jsonb_each(now) n
    WHERE n.key <> 'version' AND coalesce(before -> n.key, 'null') <> n.value
$$;

-- Refuses a change of a version that is no longer in force, and says what changed since: the audit's first value before and its
-- last value now, of each field.
CREATE OR REPLACE FUNCTION refuse_if_edited(p_kind text, p_subject text, in_force bigint, p_version bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    changes jsonb;
    latest admin_events;
BEGIN
    IF p_version IS NULL OR p_version = in_force THEN RETURN; END IF;
    SELECT coalesce(jsonb_object_agg(x.key, jsonb_build_array(x.first, x.last)), '{}') INTO changes FROM (
        SELECT c.key, (array_agg(c.value -> 0 ORDER BY a.id))[1] AS first, (array_agg(c.value -> 1 ORDER BY a.id DESC))[1] AS last
        FROM admin_events a CROSS JOIN LATERAL jsonb_each(a.details -> 'changes') c
        WHERE a.subject = p_subject AND a.kind LIKE p_kind || '\_%' AND (a.details ->> 'version')::bigint > p_version
        GROUP BY c.key) x
    WHERE x.first IS DISTINCT FROM x.last;
    SELECT * INTO latest FROM admin_events a
    WHERE a.subject = p_subject AND a.kind LIKE p_kind || '\_%' AND a.details ? 'version' ORDER BY a.id DESC LIMIT 1;
    PERFORM refuse_with('edit_conflict', jsonb_build_object(
        'version', in_force, 'by', actor_name(latest.actor), 'at', utc_text(latest.at), 'changes', changes),
        format('%s changed this meanwhile. Look at it again, then save.', coalesce(initcap_first(actor_name(latest.actor)), 'Another person')));
END
$$;

-- A sentence's first letter large.
CREATE OR REPLACE FUNCTION initcap_first(words text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT upper(left(words, 1)) || substr(words, 2)
$$;

-- Refuses members of `changes` that the record does not have.
CREATE OR REPLACE FUNCTION refuse_unknown_fields(changes jsonb, known text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    field text := (SELECT min(k) FROM jsonb_object_keys(changes) k WHERE k <> ALL (known));
BEGIN
    IF field IS NOT NULL THEN PERFORM refuse_field(field, format('There is no field %s.', field)); END IF;
END
$$;

-- Refuses a text that is longer than it may be or has control characters. core/texts.py refuses more, and before.
CREATE OR REPLACE FUNCTION refuse_wrong_text(value text, what text, most integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF char_length(value) > most THEN
        PERFORM refuse('invalid_params', format('%s is too long: at most %s characters are possible.', what, most));
    ELSIF value ~ '[\u0001-\u0008\u000B-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]' OR value !~ '[^\s]' THEN
        PERFORM refuse('invalid_params', format('%s has characters that are not possible, or none.', what));
    END IF;
END
$$;
