-- The business day: numbers, opening hours, quotas, states, and the daily close.

-- The ticket's number as people read it: at least three digits.
CREATE FUNCTION ticket_number(prefix text, value integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT prefix || lpad(value::text, greatest(3, length(value::text)), '0')
$$;

-- A service's first ticket of a later business day: numbers begin at 1 again, without those that patients of earlier days
-- still hold. The day never goes back.
CREATE FUNCTION begin_business_day(s services, today date) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    IF today > s.business_day THEN
        s.business_day := today;
        s.next_number := 1;
        s.issued := 0;
        s.held_numbers := ARRAY(
            SELECT number_value FROM tickets WHERE status = 'waiting' AND origin_service_id = s.id
            UNION SELECT number_value FROM tickets WHERE status = 'consulting' AND origin_service_id = s.id
            UNION SELECT number_value FROM tickets WHERE status = 'parked' AND origin_service_id = s.id);
    END IF;
    RETURN s;
END
$$;

-- Takes the service's next number: `next_number - 1` is it then.
CREATE FUNCTION take_number(s services) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    WHILE s.next_number = ANY (s.held_numbers) LOOP
        s.next_number := s.next_number + 1;
    END LOOP;
    s.next_number := s.next_number + 1;
    s.issued := s.issued + 1;
    RETURN s;
END
$$;

-- The hours in which a service issues tickets around a day of the calendar, in local time, holidays left out: of the day before
-- (it may end today) to `days` days later. A service without hours is open from midnight to midnight.
CREATE FUNCTION issuing_hours(p_service_id bigint, today date, days integer)
RETURNS TABLE (opens_at timestamp, last_ticket_at timestamp)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT d.day + h.opens,
        d.day + h.closes + CASE WHEN h.closes <= h.opens THEN interval '1 day' ELSE interval '0' END
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

-- A service's state at a moment: what a person set, else "closed" outside its hours, "full" when today's numbers are used up.
CREATE FUNCTION service_state(s services, at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    here timestamp;
BEGIN
    IF s.state <> 'open' THEN RETURN s.state; END IF;
    IF s.issued >= s.daily_quota AND s.business_day >= business_day_at(at) THEN RETURN 'full'; END IF;
    IF NOT EXISTS (SELECT FROM opening_hours WHERE service_id = s.id)
        AND NOT EXISTS (SELECT FROM closed_days WHERE coalesce(service_id, s.id) = s.id) THEN RETURN 'open'; END IF;
    here := (SELECT at AT TIME ZONE time_zone FROM settings);
    IF EXISTS (SELECT FROM issuing_hours(s.id, here::date, 0) WHERE opens_at <= here AND here < last_ticket_at) THEN RETURN 'open'; END IF;
    RETURN 'closed';
END
$$;

-- When a service that is closed by its hours opens next, at most four weeks ahead; null for one closed by a person.
CREATE FUNCTION service_opens_at(s services, at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    zone text := (SELECT time_zone FROM settings);
    here timestamp := at AT TIME ZONE zone;
BEGIN
    IF s.state <> 'open' THEN RETURN NULL; END IF;
    RETURN (SELECT min(opens_at) AT TIME ZONE zone FROM issuing_hours(s.id, here::date, 28) WHERE opens_at > here);
END
$$;

-- Refuses a ticket where none are issued now.
CREATE FUNCTION refuse_unless_open(s services, at timestamptz) RETURNS void
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

-- A person opens, pauses or closes a service. Those who wait go on waiting. The reason goes to the administrators' events.
CREATE FUNCTION set_service_state(
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
    SELECT * INTO s FROM services WHERE code = p_service FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM refuse('unknown_service', format('There is no service %s.', p_service)); END IF;
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

-- Cancels whoever of a business day, or of one before, still waits or is parked in a line ("day_closed"), from the line's end, so
-- that nobody is moved. Consultations stay open: only people end them. The line is locked by the caller, and saved once: a row
-- that one transaction writes a thousand times is read through all its versions. Returns the events.
CREATE FUNCTION close_line(p_actor text, p_service_id bigint, p_until date) RETURNS jsonb[]
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    leaving uuid;
    was tickets;
    t tickets;
    e queue_events;
    before jsonb;
    messages jsonb[] := '{}';
BEGIN
    SELECT * INTO s FROM services WHERE id = p_service_id;
    FOR leaving IN
        SELECT x.id FROM (
            SELECT id, position_in_queue, joined_at FROM tickets
            WHERE service_id = p_service_id AND status = 'waiting' AND business_day <= p_until
            UNION ALL SELECT id, position_in_queue, joined_at FROM tickets
            WHERE service_id = p_service_id AND status = 'parked' AND business_day <= p_until) x
        ORDER BY x.position_in_queue DESC NULLS LAST, x.joined_at
    LOOP
        SELECT * INTO was FROM tickets WHERE id = leaving;
        before := public_ticket(was, s.head);
        t := was;
        t.status := 'cancelled';
        t.position_in_queue := NULL;
        t.ended_at := event_time(s);
        PERFORM save_ticket(t);
        s := close_gap(s, was);
        e := next_queue_event(s, 'cancelled', p_actor, t.ended_at, t, (before ->> 'position')::bigint, before, 'day_closed');
        s := write_queue_event(s, e);
        messages := messages || event_message(s.code, e, personal_data(t));
    END LOOP;
    PERFORM save_line(s);
    RETURN messages;
END
$$;

-- Closes lines that the caller has locked: how many were cancelled, and the consultations that stay open, by number.
CREATE FUNCTION close_lines(p_actor text, ids bigint[], p_until date) RETURNS TABLE (result jsonb, events jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    id bigint;
    messages jsonb[] := '{}';
BEGIN
    FOREACH id IN ARRAY ids LOOP
        messages := messages || close_line(p_actor, id, p_until);
    END LOOP;
    events := to_jsonb(messages);
    result := jsonb_build_object('cancelled', jsonb_array_length(events), 'consulting', (
        SELECT coalesce(jsonb_agg(public_ticket(t, 0) ORDER BY t.number), '[]')
        FROM tickets t WHERE t.service_id = ANY (ids) AND t.status = 'consulting'));
    PERFORM append_admin_event(p_actor, 'day_closed', p_until::text, jsonb_build_object('cancelled', result -> 'cancelled',
        'open', (SELECT coalesce(jsonb_agg(t -> 'number'), '[]') FROM jsonb_array_elements(result -> 'consulting') t)));
    RETURN NEXT;
END
$$;

-- An administrator closes the day, of one service or of all, as it stands now.
CREATE FUNCTION close_day(p_actor text, p_key text, p_digest bytea, p_service text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[] := ARRAY(SELECT id FROM services WHERE p_service IS NULL OR code = p_service);
    answer jsonb;
    closed record;
BEGIN
    IF p_service IS NOT NULL AND ids = '{}' THEN
        PERFORM refuse('unknown_service', format('There is no service %s.', p_service));
    END IF;
    PERFORM lock_lines(ids);
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    SELECT * INTO closed FROM close_lines(p_actor, ids, business_day_now());
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), closed.result, closed.events);
END
$$;

-- The latest business day that the schedule has ended by a moment: each day ends at `day_closes`, on the day itself or, where
-- that is before `day_starts`, in the night after it. Null without a schedule.
CREATE FUNCTION ended_business_day(at timestamptz) RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (at AT TIME ZONE time_zone - day_closes)::date - CASE WHEN day_closes <= day_starts THEN 1 ELSE 0 END FROM settings;
END
$$;

-- The schedule: closes what has ended and was not closed yet, also days during which no hub was running. Whoever joined since
-- stays. Null when nothing is due. Any number of hubs may ask: the lines' locks let one do it.
CREATE FUNCTION close_day_if_due() RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    ended date := ended_business_day(clock_timestamp());
    ids bigint[];
    closed record;
BEGIN
    IF coalesce(ended <= (SELECT closed_day FROM settings), true) THEN RETURN NULL; END IF;
    ids := ARRAY(SELECT id FROM services);
    PERFORM lock_lines(ids);
    IF ended <= (SELECT closed_day FROM settings) THEN RETURN NULL; END IF;
    SELECT * INTO closed FROM close_lines('schedule', ids, ended);
    UPDATE settings SET closed_day = ended;
    RETURN jsonb_build_object('result', closed.result, 'events', closed.events);
END
$$;
