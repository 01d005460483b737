-- When a service issues tickets: its state, its hours, its quota.

-- The hours in which a service issues tickets, without holidays, from the day before `today` (its hours may end today) to `days`
-- days later. A service without hours is open from midnight to midnight. Moments and not local times: in autumn's repeated hour
-- a local time comes twice, and a service opens and closes once.
CREATE OR REPLACE FUNCTION issuing_hours(p_service_id bigint, today date, days integer)
RETURNS TABLE (opens_at timestamptz, last_ticket_at timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    zone text := (SELECT time_zone FROM settings);
BEGIN
    RETURN QUERY
    SELECT first_moment(d.day + h.opens, zone),
        first_moment(d.day + h.closes + CASE WHEN h.closes <= h.opens THEN interval '1 day' ELSE interval '0' END, zone)
            - make_interval(mins => h.last_ticket_minutes)
    FROM generate_series(-1, days) n
    CROSS JOIN LATERAL (SELECT today + n AS day) d
    JOIN (
        SELECT weekday, opens, closes, last_ticket_minutes FROM opening_hours WHERE service_id = p_service_id
        UNION ALL
        SELECT generate_series(1, 7), time '00:00', time '00:00', 0
        WHERE NOT EXISTS (SELECT FROM opening_hours WHERE service_id = p_service_id)
    ) h ON h.weekday = extract(isodow FROM d.day)
    WHERE NOT EXISTS (SELECT FROM closed_days c WHERE c.day = d.day AND (c.service_id IS NULL OR c.service_id = p_service_id));
END
$$;

-- A service's state at a moment: what a person set; else "full" if today's numbers are used up, "closed" outside of its
-- hours.
CREATE OR REPLACE FUNCTION service_state(s services, at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    today date;
BEGIN
    IF s.state <> 'open' THEN RETURN s.state; END IF;
    IF s.daily_quota IS NOT NULL AND (begin_business_day(s, business_day_at(at))).issued >= s.daily_quota THEN RETURN 'full'; END IF;
    IF NOT EXISTS (SELECT FROM opening_hours WHERE service_id = s.id)
        AND NOT EXISTS (SELECT FROM closed_days WHERE coalesce(service_id, s.id) = s.id) THEN RETURN 'open'; END IF;
    today := (SELECT (at AT TIME ZONE time_zone)::date FROM settings);
    IF EXISTS (SELECT FROM issuing_hours(s.id, today, 1) WHERE opens_at <= at AND at < last_ticket_at) THEN RETURN 'open'; END IF;
    RETURN 'closed';
END
$$;

-- When a service that its hours close opens next, at most four weeks ahead; null for one that a person closed.
CREATE OR REPLACE FUNCTION service_opens_at(s services, at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    today date := (SELECT (at AT TIME ZONE time_zone)::date FROM settings);
BEGIN
    IF s.state <> 'open' THEN RETURN NULL; END IF;
    RETURN (SELECT min(opens_at) FROM issuing_hours(s.id, today, 28) WHERE opens_at > at);
END
$$;

-- Refuses a ticket while the service issues none.
CREATE OR REPLACE FUNCTION refuse_unless_open(s services, at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    CASE service_state(s, at)
        WHEN 'open' THEN NULL;
        WHEN 'full' THEN PERFORM refuse('service_full', s.name || ' takes no more patients today.');
        WHEN 'paused' THEN PERFORM refuse('service_closed', s.name || ' is paused. Please ask at reception.');
        ELSE PERFORM refuse('service_closed', s.name || ' is closed.');
    END CASE;
END
$$;

-- A person opens, pauses or closes a service. Waiting tickets stay. The reason goes to the administrative events.
CREATE OR REPLACE FUNCTION set_service_state(
    p_actor text, p_key text, p_digest bytea, p_service text, p_state text, p_reason text DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    t tickets;
    message jsonb;
    now_at timestamptz;
    answer jsonb;
BEGIN
    s := lock_service(p_service);
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    now_at := event_time(s);
    IF s.state <> p_state THEN
        s.state := p_state;
        message := append_queue_event(s, CASE p_state WHEN 'open' THEN 'opened' ELSE p_state END, p_actor, now_at, t, NULL, NULL);
        PERFORM append_admin_event(p_actor, 'service_' || p_state, s.code, jsonb_build_object('reason', p_reason));
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, now_at,
        jsonb_build_object('service', s.code, 'revision', coalesce((message ->> 'revision')::bigint, s.revision)),
        CASE WHEN message IS NULL THEN '[]' ELSE jsonb_build_array(message) END);
END
$$;
