-- Administration of the site and its closed days, and the audit.
-- administration.sql describes what every change does first and last.

-- The site as administrators see it.
CREATE OR REPLACE FUNCTION site_record() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('version', site_version, 'name', site_name, 'time_zone', time_zone, 'languages', languages,
        'day_starts', to_char(day_starts, 'HH24:MI'), 'day_closes', to_char(day_closes, 'HH24:MI'),
        'counter_free_after', (extract(epoch FROM counter_free_after) / 60)::integer)
    FROM settings
$$;

-- Changes the site. `p_code` is "site". No change of the times cancels a patient: a close whose time has passed counts from the next
-- day on.
CREATE OR REPLACE FUNCTION save_site(
    p_actor text, p_key text, p_digest bytea, p_code text, p_version bigint, p_changes jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    before jsonb;
    merged jsonb;
    answer jsonb;
BEGIN
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    before := site_record();
    PERFORM refuse_if_edited('site', 'site', (before ->> 'version')::bigint, p_version);
    PERFORM refuse_unknown_fields(p_changes - 'name_key', ARRAY(SELECT jsonb_object_keys(before - 'version')));
    merged := before || (p_changes - 'name_key');
    IF NOT EXISTS (SELECT FROM pg_timezone_names WHERE name = merged ->> 'time_zone') THEN
        PERFORM refuse_field('time_zone', format('There is no time zone %s. Write it like Europe/Berlin.', merged ->> 'time_zone'));
    END IF;
    PERFORM refuse_wrong_text(merged ->> 'name', 'The name', 100);
    IF merged <> before THEN
        UPDATE settings SET site_name = merged ->> 'name', time_zone = merged ->> 'time_zone',
            day_starts = (merged ->> 'day_starts')::time, day_closes = (merged ->> 'day_closes')::time,
            languages = ARRAY(SELECT jsonb_array_elements_text(merged -> 'languages')),
            counter_free_after = make_interval(mins => (merged ->> 'counter_free_after')::integer),
            site_version = site_version + 1, config_revision = config_revision + 1;
        PERFORM append_admin_event(p_actor, 'site_set', 'site', jsonb_build_object(
            'version', (before ->> 'version')::bigint + 1, 'changes', differences(before, site_record())));
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), site_record(), '[]');
END
$$;

-- The closed days from today on: [{"day", "service"}]; without a service, all are closed.
CREATE OR REPLACE FUNCTION closed_days_overview() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('closed_days', coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'service', s.code)
        ORDER BY d.day, s.id NULLS FIRST), '[]'))
    FROM closed_days d LEFT JOIN services s ON s.id = d.service_id WHERE d.day >= business_day_now()
$$;

-- Closes and opens days: `close` and `open` are lists like those of closed_days_overview.
CREATE OR REPLACE FUNCTION save_closed_days(p_actor text, p_key text, p_digest bytea, p_close jsonb, p_open jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
    today date := business_day_now();
    d record;
    done bigint;
BEGIN
    PERFORM lock_configuration();
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    FOR d IN
        SELECT x.closing, (x.item ->> 'day')::date AS day, x.item ->> 'service' AS code, s.id
        FROM (SELECT true AS closing, i AS item FROM jsonb_array_elements(p_close) i
              UNION ALL SELECT false, i FROM jsonb_array_elements(p_open) i) x
        LEFT JOIN services s ON s.code = x.item ->> 'service' AND s.retired_on IS NULL
    LOOP
        IF d.code IS NOT NULL AND d.id IS NULL THEN
            PERFORM refuse('unknown_service', format('There is no service %s.', d.code));
        ELSIF d.closing AND d.day < today THEN
            PERFORM refuse('invalid_params', format('%s is past: only today and days to come can be closed.', d.day));
        ELSIF d.closing THEN
            INSERT INTO closed_days (day, service_id) VALUES (d.day, d.id) ON CONFLICT DO NOTHING;
        ELSE
            DELETE FROM closed_days WHERE day = d.day AND service_id IS NOT DISTINCT FROM d.id;
        END IF;
        GET DIAGNOSTICS done = ROW_COUNT;
        IF done = 0 AND NOT d.closing THEN
            PERFORM refuse('invalid_params', format('%s was not closed for %s: the list of services names the closed days.',
                d.day, coalesce(d.code, 'every service')));
        ELSIF done > 0 THEN
            PERFORM append_admin_event(p_actor, CASE WHEN d.closing THEN 'day_closed_ahead' ELSE 'day_opened_again' END,
                d.day::text, jsonb_build_object('service', d.code));
        END IF;
    END LOOP;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), closed_days_overview(), '[]');
END
$$;

-- The administrative events before `p_before` (null: all), newest first, at most `p_limit`.
CREATE OR REPLACE FUNCTION audit_page(p_before bigint, p_limit integer) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('events', coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'at', utc_text(a.at), 'actor', a.actor,
        'by', actor_name(a.actor), 'kind', a.kind, 'subject', a.subject, 'details', a.details) ORDER BY a.id DESC), '[]'))
    FROM (SELECT * FROM admin_events WHERE id < coalesce(p_before, 9223372036854775807) ORDER BY id DESC LIMIT p_limit) a
$$;
