-- Administration of counters.
-- administration.sql describes what every change does first and last.

-- A counter as administrators see it.
CREATE OR REPLACE FUNCTION counter_record(c counters) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('code', c.code, 'version', c.version, 'name', c.name, 'names', c.names, 'rule', c.rule,
        'sign', c.sign, 'words', c.words, 'place', c.place, 'short', c.short,
        'services', (SELECT coalesce(jsonb_agg(s.code ORDER BY cs.place), '[]') FROM counter_services cs
            JOIN services s ON s.id = cs.service_id WHERE cs.counter_id = c.id));
END
$$;

-- The record of the counter with a code.
CREATE OR REPLACE FUNCTION counter_settings(p_code text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    c counters;
BEGIN
    SELECT * INTO c FROM counters WHERE code = p_code AND retired_on IS NULL;
    IF NOT FOUND THEN PERFORM refuse('unknown_counter', format('There is no counter %s.', p_code)); END IF;
    RETURN counter_record(c);
END
$$;

-- Refuses a code or name that another counter has, or had until it was retired today.
CREATE OR REPLACE FUNCTION refuse_taken_counter(c counters) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    other counters;
BEGIN
    SELECT * INTO other FROM counters
    WHERE code = c.code AND id <> c.id AND (retired_on IS NULL OR retired_on >= business_day_now());
    IF FOUND THEN
        PERFORM refuse_taken('code', CASE WHEN other.retired_on IS NULL
            THEN format('There is already a counter with the code %s (%s).', c.code, other.name)
            ELSE format('The counter %s was retired today: its code is free from the next business day on.', c.code) END);
    END IF;
    SELECT * INTO other FROM counters WHERE name_key = c.name_key AND id <> c.id AND retired_on IS NULL;
    IF FOUND THEN PERFORM refuse_taken('name', format('The counter %s has the name %s already.', other.code, other.name)); END IF;
END
$$;

-- Writes which services a counter serves, in this order.
CREATE OR REPLACE FUNCTION save_served(p_counter_id bigint, codes jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    unknown text := (SELECT string_agg(c, ', ') FROM jsonb_array_elements_text(codes) c
        WHERE NOT EXISTS (SELECT FROM services WHERE code = c AND retired_on IS NULL));
BEGIN
    IF unknown IS NOT NULL THEN
        PERFORM refuse('unknown_service', format('There is no service %s. Known: %s.', unknown, coalesce(
            (SELECT string_agg(code, ', ' ORDER BY id) FROM services WHERE retired_on IS NULL), 'none yet')));
    END IF;
    IF EXISTS (SELECT FROM jsonb_array_elements_text(codes) c GROUP BY c HAVING count(*) > 1) THEN
        PERFORM refuse_field('services', 'A service stands twice in that list: write each once.');
    END IF;
    DELETE FROM counter_services WHERE counter_id = p_counter_id;
    INSERT INTO counter_services SELECT p_counter_id, s.id, c.place
    FROM jsonb_array_elements_text(codes) WITH ORDINALITY c (code, place) JOIN services s ON s.code = c.code AND s.retired_on IS NULL;
END
$$;

-- Creates a counter with a code and a name.
CREATE OR REPLACE FUNCTION new_counter(p_code text, changes jsonb) RETURNS counters
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
BEGIN
    IF NOT changes ? 'name' THEN PERFORM refuse_field('name', 'A counter needs a name.'); END IF;
    c.id := 0;
    c.code := p_code;
    c.name_key := changes ->> 'name_key';
    PERFORM refuse_taken_counter(c);
    INSERT INTO counters (code, name, name_key, version) VALUES (p_code, changes ->> 'name', c.name_key, 0) RETURNING * INTO c;
    RETURN c;
END
$$;

-- Creates or changes a counter. The counter's row is locked first, as by every call to it: its services can't change during a call.
CREATE OR REPLACE FUNCTION save_counter(
    p_actor text, p_key text, p_digest bytea, p_code text, p_version bigint, p_changes jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
    before jsonb := '{}';
    merged jsonb;
    answer jsonb;
BEGIN
    SELECT * INTO c FROM counters WHERE code = p_code AND retired_on IS NULL FOR NO KEY UPDATE;
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF p_version = 0 THEN
        c := new_counter(p_code, p_changes);
    ELSE
        IF c.id IS NULL THEN PERFORM refuse('unknown_counter', format('There is no counter %s.', p_code)); END IF;
        PERFORM refuse_if_edited('counter', p_code, c.version, p_version);
        before := counter_record(c);
    END IF;
    merged := counter_record(c);
    PERFORM refuse_unknown_fields(p_changes - 'name_key', ARRAY(SELECT jsonb_object_keys(merged - 'code' - 'version')));
    merged := merged || p_changes;
    c.name := merged ->> 'name';
    c.name_key := coalesce(p_changes ->> 'name_key', c.name_key);
    c.names := merged -> 'names';
    c.rule := merged ->> 'rule';
    c.sign := merged ->> 'sign';
    c.words := merged -> 'words';
    c.place := merged -> 'place';
    c.short := merged -> 'short';
    PERFORM refuse_wrong_text(c.name, 'The name', 100);
    PERFORM refuse_taken_counter(c);
    IF p_changes ? 'services' THEN PERFORM save_served(c.id, merged -> 'services'); END IF;
    IF before = '{}' OR before <> counter_record(c) THEN
        c.version := c.version + 1;
        UPDATE counters SET name = c.name, name_key = c.name_key, names = c.names, rule = c.rule, sign = c.sign,
            words = c.words, place = c.place, short = c.short, version = c.version
        WHERE id = c.id;
        PERFORM append_admin_event(p_actor, CASE WHEN before = '{}' THEN 'counter_added' ELSE 'counter_set' END, p_code,
            jsonb_build_object('version', c.version, 'changes', differences(before, counter_record(c) - 'code')));
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), counter_record(c), '[]');
END
$$;

-- Retires a counter: its past stays. Refused while a patient is there.
CREATE OR REPLACE FUNCTION retire_counter(p_actor text, p_key text, p_digest bytea, p_code text, p_version bigint) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    c counters;
    answer jsonb;
BEGIN
    SELECT * INTO c FROM counters WHERE code = p_code AND retired_on IS NULL FOR NO KEY UPDATE;
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF c.id IS NULL THEN PERFORM refuse('unknown_counter', format('There is no counter %s.', p_code)); END IF;
    PERFORM refuse_if_edited('counter', p_code, c.version, p_version);
    IF has_patient(c.id) THEN PERFORM refuse('counter_busy'); END IF;
    DELETE FROM counter_services WHERE counter_id = c.id;
    UPDATE counters SET retired_on = business_day_now(), held_by = NULL, state = 'closed', version = version + 1, name = name
    WHERE id = c.id;
    PERFORM append_admin_event(p_actor, 'counter_retired', p_code, jsonb_build_object('version', c.version + 1));
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), jsonb_build_object('code', p_code), '[]');
END
$$;
