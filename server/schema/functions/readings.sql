-- The readings of hubs. Each is one statement, so that its result is one consistent state.

-- Every service as `services.list` shows it, with the pace (seconds a patient) that a wait estimate needs.
CREATE OR REPLACE FUNCTION services_overview() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'code', s.code, 'name', s.name, 'names', s.names, 'alias', s.alias, 'icon', s.icon, 'order', s.sort_order,
        'group', s.card_group, 'where', s.where_to_wait, 'wait_target', s.wait_target_minutes,
        'state', now.state, 'open', s.state = 'open', 'waiting', s.tail - s.head, 'revision', s.revision,
        'opens_at', CASE WHEN now.state = 'closed' THEN utc_text(service_opens_at(s, clock_timestamp())) END,
        'pace', coalesce(s.pace_seconds, s.configured_pace_seconds), 'pace_spread', s.pace_spread_seconds)
        ORDER BY s.sort_order, s.id), '[]')
    FROM services s CROSS JOIN LATERAL (SELECT service_state(s, clock_timestamp()) AS state) now
    WHERE s.retired_on IS NULL
$$;

-- Every counter as `counters.list` shows it, its ticket in staff's view. `away`: its holder has gone.
CREATE OR REPLACE FUNCTION counters_overview() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'code', c.code, 'name', c.name, 'names', c.names, 'state', c.state, 'rule', c.rule,
        'sign', c.sign, 'words', c.words, 'place', c.place, 'short', c.short,
        'held_by', (SELECT display_name FROM users WHERE id = c.held_by), 'away', absence(c.held_by) IS NOT NULL,
        'services', (SELECT coalesce(jsonb_agg(s.code ORDER BY cs.place), '[]') FROM counter_services cs
                     JOIN services s ON s.id = cs.service_id WHERE cs.counter_id = c.id),
        'ticket', (SELECT staff_ticket(t, 0) FROM tickets t WHERE t.counter_id = c.id AND t.status = 'consulting'))
        ORDER BY c.id), '[]')
    FROM counters c WHERE c.retired_on IS NULL
$$;

-- The site, as `session.hello` returns it, and what the hub needs with it.
CREATE OR REPLACE FUNCTION site_overview() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('epoch', epoch, 'config_revision', config_revision, 'request_salt', encode(request_salt, 'hex'),
        'site', jsonb_build_object('name', site_name, 'time_zone', time_zone, 'day_starts', to_char(day_starts, 'HH24:MI'),
            'day_closes', to_char(day_closes, 'HH24:MI'), 'languages', languages, 'business_day', business_day_now()))
    FROM settings
$$;

-- What may change without an event: the epoch, the configuration's revision, the day, every line's revision, and every
-- service's state, which the clock may change. `ahead`: whether times have to be corrected (clocks.sql).
CREATE OR REPLACE FUNCTION current_revisions() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('epoch', epoch, 'config_revision', config_revision, 'business_day', business_day_now(),
        'ahead', times_ahead(),
        'services', (SELECT coalesce(jsonb_object_agg(code, revision), '{}') FROM services WHERE retired_on IS NULL),
        'states', (SELECT coalesce(jsonb_object_agg(code, service_state(s, clock_timestamp())), '{}') FROM services s
            WHERE s.retired_on IS NULL))
    FROM settings
$$;

-- A service's whole line at one revision. Null for an unknown service.
CREATE OR REPLACE FUNCTION queue_snapshot(p_service text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('service', s.code, 'epoch', (SELECT epoch FROM settings), 'revision', s.revision,
        'open', s.state = 'open', 'as_of', utc_text(clock_timestamp()),
        'waiting', (SELECT coalesce(jsonb_agg(ticket_view(t, s.head, s.code, o.code, c.code) || personal_data(t)
                ORDER BY t.position_in_queue), '[]')
            FROM tickets t JOIN services o ON o.id = t.origin_service_id LEFT JOIN counters c ON c.id = t.counter_id
            WHERE t.service_id = s.id AND t.status = 'waiting'),
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
    FROM services s WHERE s.code = p_service AND s.retired_on IS NULL
$$;

-- A service's events after `p_revision`, oldest first, at most `p_limit`. Each event looks its ticket up by itself: a join
-- would be planned for a tenth of the whole history and read every ticket.
CREATE OR REPLACE FUNCTION events_after(p_service text, p_revision bigint, p_limit integer) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(event_message(p_service, e, coalesce(
        (SELECT personal_data(t) FROM tickets t WHERE t.id = e.ticket_id), '{}')) ORDER BY e.revision), '[]')
    FROM (SELECT * FROM queue_events WHERE service_id = (SELECT id FROM services WHERE code = p_service AND retired_on IS NULL)
          AND revision > p_revision ORDER BY revision LIMIT p_limit) e
$$;

-- One ticket in staff's view with its service's revision; null for an unknown ticket.
CREATE OR REPLACE FUNCTION find_ticket(p_ticket uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('ticket', staff_ticket(t, s.head), 'revision', s.revision)
    FROM tickets t JOIN services s ON s.id = t.service_id WHERE t.id = p_ticket
$$;

-- Faults of a line's places (from 1): places without a ticket, places with two tickets or outside of the line, and the last
-- place. Both arrays are empty if the line is sound.
CREATE OR REPLACE FUNCTION validate_queue_integrity(p_service_id bigint)
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

-- validate_queue_integrity for a service's code, as the hub replies it; null for an unknown service.
CREATE OR REPLACE FUNCTION line_integrity(p_service text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT to_jsonb(v) || jsonb_build_object('service', s.code)
    FROM services s, validate_queue_integrity(s.id) v WHERE s.code = p_service AND s.retired_on IS NULL
$$;
