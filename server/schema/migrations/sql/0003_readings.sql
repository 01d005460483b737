-- What hubs read. Each is one statement, so that what it returns is of one moment.

-- Every service as `services.list` shows it, with what a wait estimate needs.
CREATE FUNCTION services_overview() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'code', s.code, 'name', s.name, 'names', s.names, 'alias', s.alias, 'icon', s.icon, 'order', s.sort_order,
        'open', s.is_open, 'waiting', s.tail - s.head, 'revision', s.revision,
        'pace', coalesce(s.pace_seconds, s.configured_pace_seconds),
        'counters_open', (SELECT count(*) FROM counter_services cs JOIN counters c ON c.id = cs.counter_id
                          WHERE cs.service_id = s.id AND c.state = 'open'))
        ORDER BY s.sort_order, s.id), '[]')
    FROM services s
$$;

-- Every counter as `counters.list` shows it, the ticket in staff view.
CREATE FUNCTION counters_overview() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'code', c.code, 'name', c.name, 'names', c.names, 'state', c.state,
        'held_by', (SELECT display_name FROM users WHERE id = c.held_by),
        'services', (SELECT coalesce(jsonb_agg(s.code ORDER BY cs.place), '[]') FROM counter_services cs
                     JOIN services s ON s.id = cs.service_id WHERE cs.counter_id = c.id),
        'ticket', (SELECT staff_ticket(t, 0) FROM tickets t WHERE t.counter_id = c.id AND t.status = 'consulting'))
        ORDER BY c.id), '[]')
    FROM counters c
$$;

-- The site, as hello tells it.
CREATE FUNCTION site_overview() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('epoch', epoch, 'config_revision', config_revision, 'request_salt', encode(request_salt, 'hex'),
        'site', jsonb_build_object('name', site_name, 'time_zone', time_zone, 'day_starts', to_char(day_starts, 'HH24:MI'),
            'languages', languages, 'business_day', business_day_at(clock_timestamp())))
    FROM settings
$$;

-- What may have changed behind a hub's back: the epoch, the configuration's revision, the day, and every line's revision.
CREATE FUNCTION current_revisions() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('epoch', epoch, 'config_revision', config_revision,
        'business_day', business_day_at(clock_timestamp()),
        'services', (SELECT coalesce(jsonb_object_agg(code, revision), '{}') FROM services)) FROM settings
$$;

-- The schema's revision, as Alembic noted it.
CREATE FUNCTION schema_revision() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT to_jsonb(version_num) FROM alembic_version
$$;

-- A service's events behind `p_revision`, oldest first, at most `p_limit`.
CREATE FUNCTION events_after(p_service text, p_revision bigint, p_limit integer) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(event_message(p_service, e, coalesce(personal_data(t), '{}')) ORDER BY e.revision), '[]')
    FROM (SELECT * FROM queue_events WHERE service_id = (SELECT id FROM services WHERE code = p_service)
          AND revision > p_revision ORDER BY revision LIMIT p_limit) e
    LEFT JOIN tickets t ON t.id = e.ticket_id
$$;

-- A service's whole line at one revision. Null for an unknown service.
CREATE FUNCTION queue_snapshot(p_service text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('service', s.code, 'epoch', (SELECT epoch FROM settings), 'revision', s.revision,
        'open', s.is_open, 'as_of', utc_text(clock_timestamp()),
        'waiting', (SELECT coalesce(jsonb_agg(staff_ticket(t, s.head) ORDER BY t.position_in_queue), '[]')
            FROM tickets t WHERE t.service_id = s.id AND t.status = 'waiting'),
        'consulting', (SELECT coalesce(jsonb_agg(staff_ticket(t, s.head) ORDER BY t.called_at), '[]')
            FROM tickets t WHERE t.service_id = s.id AND t.status = 'consulting'),
        'parked', (SELECT coalesce(jsonb_agg(staff_ticket(t, s.head) ORDER BY t.joined_at), '[]')
            FROM tickets t WHERE t.service_id = s.id AND t.status = 'parked'),
        'recent', (SELECT coalesce(jsonb_agg(staff_ticket(t, s.head) ORDER BY t.called_at DESC), '[]') FROM (
            SELECT * FROM tickets WHERE service_id = s.id AND called_at IS NOT NULL
            ORDER BY called_at DESC LIMIT 10) t),
        'missed', (SELECT coalesce(jsonb_agg(staff_ticket(t, s.head) ORDER BY t.ended_at DESC), '[]') FROM (
            SELECT * FROM tickets WHERE service_id = s.id AND status = 'no_show'
            AND business_day = s.business_day ORDER BY ended_at DESC LIMIT 10) t))
    FROM services s WHERE s.code = p_service
$$;

-- One ticket in staff view with its service's revision; null if there is none.
CREATE FUNCTION find_ticket(p_ticket uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('ticket', staff_ticket(t, s.head), 'revision', s.revision)
    FROM tickets t JOIN services s ON s.id = t.service_id WHERE t.id = p_ticket
$$;

-- What is wrong with a line's places (from 1): those nobody stands in, those with two, and the last. All empty: nothing.
CREATE FUNCTION validate_queue_integrity(p_service_id bigint)
RETURNS TABLE (missing_positions bigint[], duplicate_positions bigint[], max_position bigint)
LANGUAGE sql STABLE AS $$
    WITH places AS (
        SELECT t.position_in_queue - s.head + 1 AS place, count(*) AS tickets
        FROM tickets t JOIN services s ON s.id = t.service_id
        WHERE s.id = p_service_id AND t.status = 'waiting' GROUP BY 1
    ), last AS (
        SELECT greatest(coalesce((SELECT max(place) FROM places), 0),
                        (SELECT tail - head FROM services WHERE id = p_service_id)) AS place
    )
    SELECT (SELECT coalesce(array_agg(n ORDER BY n), '{}') FROM last, generate_series(1, last.place) n
            WHERE NOT EXISTS (SELECT FROM places WHERE place = n)),
           (SELECT coalesce(array_agg(place ORDER BY place), '{}') FROM places
            WHERE tickets > 1 OR place < 1 OR place > (SELECT tail - head FROM services WHERE id = p_service_id)),
           (SELECT place FROM last)
$$;

-- The same for a service by its code, as it is answered; null for an unknown service.
CREATE FUNCTION line_integrity(p_service text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT to_jsonb(v) || jsonb_build_object('service', s.code)
    FROM services s, validate_queue_integrity(s.id) v WHERE s.code = p_service
$$;

-- The first broken link of each service's chain, and of the administrators': chain, revision. No rows: nothing broken.
CREATE FUNCTION broken_links() RETURNS TABLE (chain text, revision bigint)
LANGUAGE sql STABLE AS $$
    WITH links AS (
        SELECT s.code AS chain, e.revision, e.hash = queue_event_hash(
                   coalesce(lag(e.hash) OVER line, ''), e) AND e.revision = row_number() OVER line AS sound
        FROM queue_events e JOIN services s ON s.id = e.service_id
        WINDOW line AS (PARTITION BY e.service_id ORDER BY e.revision)
        UNION ALL
        SELECT 'administration', a.id, a.hash = admin_event_hash(coalesce(lag(a.hash) OVER (ORDER BY a.id), ''), a)
               AND a.id = row_number() OVER (ORDER BY a.id)
        FROM admin_events a
        UNION ALL
        SELECT s.code, s.revision + 1, s.last_hash = coalesce((SELECT hash FROM queue_events e
               WHERE e.service_id = s.id AND e.revision = s.revision), '')
               AND NOT EXISTS (SELECT FROM queue_events e WHERE e.service_id = s.id AND e.revision > s.revision)
        FROM services s
    )
    SELECT chain, min(revision) FROM links WHERE NOT sound GROUP BY chain ORDER BY chain
$$;
