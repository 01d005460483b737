-- Administration of services.
-- administration.sql describes what every change does first and last.

-- A service's openings as [weekday, opens, closes], in order; empty: always open.
CREATE OR REPLACE FUNCTION hours_record(p_service_id bigint) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_array(weekday, to_char(opens, 'HH24:MI'), to_char(closes, 'HH24:MI'))
        ORDER BY weekday, opens), '[]')
    FROM opening_hours WHERE service_id = p_service_id
$$;

-- A service as administrators see it: times in minutes; its prefix is the one that applies from its next business day on.
CREATE OR REPLACE FUNCTION service_record(s services) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('code', s.code, 'version', s.version, 'name', s.name, 'names', s.names, 'alias', s.alias,
        'icon', s.icon, 'prefix', coalesce(s.next_prefix, s.prefix), 'order', s.sort_order, 'group', s.card_group,
        'where', s.where_to_wait, 'wait_target', s.wait_target_minutes,
        'head_start', (extract(epoch FROM s.head_start) / 60)::integer, 'pace', s.configured_pace_seconds / 60,
        'quota', s.daily_quota, 'no_shows', s.no_shows, 'hours', hours_record(s.id),
        'last_ticket', (SELECT coalesce(max(last_ticket_minutes), 0) FROM opening_hours WHERE service_id = s.id));
END
$$;

-- The record of the service with a code.
CREATE OR REPLACE FUNCTION service_settings(p_code text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s services;
BEGIN
    SELECT * INTO s FROM services WHERE code = p_code AND retired_on IS NULL;
    IF NOT FOUND THEN PERFORM refuse('unknown_service', format('There is no service %s.', p_code)); END IF;
    RETURN service_record(s);
END
$$;

-- A service's row, locked to be changed; a row without id if no service has the code.
CREATE OR REPLACE FUNCTION service_to_change(p_code text) RETURNS services
LANGUAGE plpgsql AS $$
DECLARE
    s services;
BEGIN
    SELECT * INTO s FROM services WHERE code = p_code AND retired_on IS NULL FOR NO KEY UPDATE;
    RETURN s;
END
$$;

-- Refuses a code, name or prefix that another service has, or had until it was retired today. A prefix that another service had
-- until it got a new one is free when both are in force.
CREATE OR REPLACE FUNCTION refuse_taken_service(s services) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    today date := business_day_now();
    other services;
BEGIN
    SELECT * INTO other FROM services WHERE code = s.code AND id <> s.id AND (retired_on IS NULL OR retired_on >= today);
    IF FOUND THEN
        PERFORM refuse_taken('code', CASE WHEN other.retired_on IS NULL
            THEN format('There is already a service with the code %s (%s).', s.code, other.name)
            ELSE format('The service %s was retired today: its code is free from the next business day on.', s.code) END);
    END IF;
    SELECT * INTO other FROM services WHERE name_key = s.name_key AND id <> s.id AND retired_on IS NULL;
    IF FOUND THEN PERFORM refuse_taken('name', format('The service %s has the name %s already.', other.code, other.name)); END IF;
    SELECT * INTO other FROM services WHERE id <> s.id AND coalesce(s.next_prefix, s.prefix) IN (prefix, next_prefix)
        AND (retired_on IS NULL OR retired_on >= today);
    IF FOUND THEN
        PERFORM refuse_taken('prefix', CASE WHEN other.retired_on IS NULL
            THEN format('The service %s has the prefix %s already.', other.code, coalesce(s.next_prefix, s.prefix))
            ELSE format('The service %s was retired today: its prefix is free from the next business day on.', other.code) END);
    END IF;
END
$$;

-- Writes a service's openings from its record.
CREATE OR REPLACE FUNCTION save_hours(p_service_id bigint, record jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    last integer := record ->> 'last_ticket';
    shortest integer;
BEGIN
    IF record -> 'hours' = '[]' AND last > 0 THEN
        PERFORM refuse_field('last_ticket', 'A service that is always open has no last ticket: give it hours, too.');
    END IF;
    SELECT min((extract(epoch FROM (h ->> 2)::time - (h ->> 1)::time)::integer / 60 + 1439) % 1440 + 1) INTO shortest
    FROM jsonb_array_elements(record -> 'hours') h;
    IF last >= shortest THEN
        PERFORM refuse_field('last_ticket', format('No ticket could be issued: the last ticket is %s minutes before the end of '
            'an opening that lasts %s.', last, shortest));
    END IF;
    DELETE FROM opening_hours WHERE service_id = p_service_id;
    INSERT INTO opening_hours SELECT p_service_id, (h ->> 0)::smallint, (h ->> 1)::time, (h ->> 2)::time, last
    FROM jsonb_array_elements(record -> 'hours') h;
END
$$;

-- A service's row with a record's fields. A new prefix of a line that has issued numbers applies from its next business day on.
CREATE OR REPLACE FUNCTION service_with(s services, record jsonb) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    s.name := record ->> 'name';
    s.name_key := coalesce(record ->> 'name_key', s.name_key);
    s.names := record -> 'names';
    s.alias := record ->> 'alias';
    s.icon := record ->> 'icon';
    s.sort_order := record ->> 'order';
    s.card_group := record ->> 'group';
    s.where_to_wait := record -> 'where';
    s.wait_target_minutes := record ->> 'wait_target';
    s.head_start := make_interval(mins => (record ->> 'head_start')::integer);
    s.configured_pace_seconds := (record ->> 'pace')::integer * 60;
    s.daily_quota := record ->> 'quota';
    s.no_shows := record ->> 'no_shows';
    s.next_prefix := CASE WHEN record ->> 'prefix' <> s.prefix THEN record ->> 'prefix' END;
    RETURN s;
END
$$;

-- Creates a service with a code and a name; the other fields are defaults.
CREATE OR REPLACE FUNCTION new_service(p_code text, changes jsonb) RETURNS services
LANGUAGE plpgsql AS $$
DECLARE
    s services;
BEGIN
    IF NOT changes ? 'name' THEN PERFORM refuse_field('name', 'A service needs a name.'); END IF;
    s.id := 0;
    s.code := p_code;
    s.name_key := changes ->> 'name_key';
    s.prefix := coalesce(changes ->> 'prefix', upper(left(p_code, 1)));
    PERFORM refuse_taken_service(s);
    INSERT INTO services (code, name, name_key, prefix, sort_order, version)
    VALUES (p_code, changes ->> 'name', s.name_key, s.prefix,
        (SELECT coalesce(max(sort_order) + 1, 0) FROM services WHERE retired_on IS NULL), 0)
    RETURNING * INTO s;
    RETURN s;
END
$$;

-- Creates or changes a service.
CREATE OR REPLACE FUNCTION save_service(
    p_actor text, p_key text, p_digest bytea, p_code text, p_version bigint, p_changes jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    s services := service_to_change(p_code);
    before jsonb := '{}';
    merged jsonb;
    answer jsonb;
BEGIN
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF p_version = 0 THEN
        s := new_service(p_code, p_changes);
    ELSE
        IF s.id IS NULL THEN PERFORM refuse('unknown_service', format('There is no service %s.', p_code)); END IF;
        PERFORM refuse_if_edited('service', p_code, s.version, p_version);
        before := service_record(s);
    END IF;
    merged := service_record(s);
    PERFORM refuse_unknown_fields(p_changes - 'name_key', ARRAY(SELECT jsonb_object_keys(merged - 'code' - 'version')));
    s := service_with(s, merged || p_changes);
    PERFORM refuse_wrong_text(s.name, 'The name', 100);
    PERFORM refuse_taken_service(s);
    PERFORM save_hours(s.id, merged || p_changes);
    IF before = '{}' OR before <> service_record(s) THEN
        s.version := s.version + 1;
        UPDATE services SET name = s.name, name_key = s.name_key, names = s.names, alias = s.alias, icon = s.icon,
            sort_order = s.sort_order, card_group = s.card_group, where_to_wait = s.where_to_wait,
            wait_target_minutes = s.wait_target_minutes, head_start = s.head_start,
            configured_pace_seconds = s.configured_pace_seconds, daily_quota = s.daily_quota,
            no_shows = s.no_shows, next_prefix = s.next_prefix, version = s.version
        WHERE id = s.id;
        PERFORM append_admin_event(p_actor, CASE WHEN before = '{}' THEN 'service_added' ELSE 'service_set' END, p_code,
            jsonb_build_object('version', s.version, 'changes', differences(before, service_record(s) - 'code')));
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), service_record(s), '[]');
END
$$;

-- Puts services in this order, before all that are not named.
CREATE OR REPLACE FUNCTION order_services(p_actor text, p_key text, p_digest bytea, p_codes text[]) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
    moved record;
    unknown text := (SELECT min(c) FROM unnest(p_codes) c
        WHERE NOT EXISTS (SELECT FROM services WHERE code = c AND retired_on IS NULL));
BEGIN
    PERFORM lock_lines(ARRAY(SELECT id FROM services WHERE retired_on IS NULL));
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF unknown IS NOT NULL THEN PERFORM refuse('unknown_service', format('There is no service %s.', unknown)); END IF;
    FOR moved IN
        SELECT s.id, s.code, s.version + 1 AS version, s.sort_order AS before,
            row_number() OVER (ORDER BY array_position(p_codes, s.code::text) NULLS LAST, s.sort_order, s.id) - 1 AS now
        FROM services s WHERE s.retired_on IS NULL
    LOOP
        CONTINUE WHEN moved.now = moved.before;
        UPDATE services SET sort_order = moved.now, version = moved.version WHERE id = moved.id;
        PERFORM append_admin_event(p_actor, 'service_set', moved.code, jsonb_build_object(
            'version', moved.version, 'changes', jsonb_build_object('order', jsonb_build_array(moved.before, moved.now))));
    END LOOP;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), jsonb_build_object('services',
        (SELECT jsonb_agg(code ORDER BY sort_order, id) FROM services WHERE retired_on IS NULL)), '[]');
END
$$;

-- Retires a service: its past stays, no counter serves it any more. Refused while patients wait, are parked or are seen in its line,
-- unless `p_move_to` names the line in which those who wait or are parked go on.
CREATE OR REPLACE FUNCTION retire_service(
    p_actor text, p_key text, p_digest bytea, p_code text, p_version bigint, p_move_to text DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    target services;
    moved jsonb := '[]';
    answer jsonb;
    leaving uuid;
    there bigint;
BEGIN
    -- Counters before lines; both lines in the order of every operation.
    PERFORM FROM counters WHERE id IN (SELECT counter_id FROM counter_services cs JOIN services x ON x.id = cs.service_id
        WHERE x.code = p_code AND x.retired_on IS NULL) ORDER BY id FOR NO KEY UPDATE;
    PERFORM lock_lines(ARRAY(SELECT id FROM services WHERE code IN (p_code, p_move_to) AND retired_on IS NULL));
    s := service_to_change(p_code);
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF s.id IS NULL THEN PERFORM refuse('unknown_service', format('There is no service %s.', p_code)); END IF;
    PERFORM refuse_if_edited('service', p_code, s.version, p_version);
    IF p_move_to IS NOT NULL THEN
        target := service_to_change(p_move_to);
        IF target.id IS NULL OR target.id = s.id THEN
            PERFORM refuse('unknown_service', format('There is no other service %s.', p_move_to));
        END IF;
        FOR leaving IN SELECT id FROM tickets WHERE service_id = s.id AND status = 'waiting' ORDER BY position_in_queue LOOP
            answer := transfer_ticket(p_actor, gen_random_uuid()::text, '', leaving, p_move_to);
            moved := moved || (answer -> 'events');
        END LOOP;
        FOR leaving IN SELECT id FROM tickets WHERE service_id = s.id AND status = 'parked' ORDER BY joined_at LOOP
            answer := transfer_ticket(p_actor, gen_random_uuid()::text, '', leaving, p_move_to);
            moved := moved || (answer -> 'events');
        END LOOP;
    END IF;
    SELECT count(*) INTO there FROM (
        SELECT FROM tickets WHERE service_id = s.id AND status = 'waiting'
        UNION ALL SELECT FROM tickets WHERE service_id = s.id AND status = 'parked'
        UNION ALL SELECT FROM tickets WHERE service_id = s.id AND status = 'consulting') t;
    IF there > 0 THEN
        PERFORM refuse('service_busy', format('%s of %s wait or are seen there. Say where those who wait go on, or retire it later.',
            CASE there WHEN 1 THEN '1 patient' ELSE there || ' patients' END, s.name));
    END IF;
    DELETE FROM counter_services WHERE service_id = s.id;
    UPDATE services SET retired_on = business_day_now(), version = version + 1, name = name WHERE id = s.id;
    PERFORM append_admin_event(p_actor, 'service_retired', p_code,
        jsonb_build_object('version', s.version + 1, 'move_to', p_move_to, 'moved', jsonb_array_length(moved) / 2));
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(),
        jsonb_build_object('code', p_code, 'moved', jsonb_array_length(moved) / 2), moved);
END
$$;
