-- The daily close.

-- Cancels the tickets of a business day, and of those before, that wait or are parked in a line ("day_closed"), from the end
-- of the line, so that no ticket moves up. A ticket with a later day, from a clock that was ahead, is of the day on which it was
-- issued. Consultations stay open: only people end them. The caller holds the line's lock. The line is saved once: PostgreSQL
-- reads through all versions of a row that one transaction wrote. Returns the events.
CREATE OR REPLACE FUNCTION close_line(p_actor text, p_service_id bigint, p_until date) RETURNS jsonb[]
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
            SELECT id, position_in_queue, joined_at, business_day FROM tickets
            WHERE service_id = p_service_id AND status = 'waiting'
            UNION ALL SELECT id, position_in_queue, joined_at, business_day FROM tickets
            WHERE service_id = p_service_id AND status = 'parked') x
        WHERE x.business_day <= p_until OR business_day_at(x.joined_at) <= p_until
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

-- Closes lines that the caller has locked. Returns the number of cancelled tickets and the consultations that stay open, and
-- the events.
CREATE OR REPLACE FUNCTION close_lines(p_actor text, ids bigint[], p_until date) RETURNS TABLE (result jsonb, events jsonb)
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
    PERFORM append_admin_event(p_actor, 'day_closed', least(p_until, business_day_now())::text, jsonb_build_object(
        'cancelled', result -> 'cancelled', 'open', (SELECT coalesce(jsonb_agg(t -> 'number'), '[]') FROM jsonb_array_elements(result -> 'consulting') t)));
    RETURN NEXT;
END
$$;

-- The close of the day frees every counter without a patient. The caller has locked the counters.
CREATE OR REPLACE FUNCTION free_all_counters() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM free_counters(ARRAY(SELECT held_by FROM counters WHERE held_by IS NOT NULL), 'day_closed');
END
$$;

-- An administrator closes the day, of one service or of all, as it stands now. After that the schedule has nothing left to close
-- of the days that ended.
CREATE OR REPLACE FUNCTION close_day(p_actor text, p_key text, p_digest bytea, p_service text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[] := ARRAY(SELECT id FROM services WHERE retired_on IS NULL AND (p_service IS NULL OR code = p_service));
    answer jsonb;
    closed record;
BEGIN
    IF p_service IS NOT NULL AND ids = '{}' THEN
        PERFORM refuse('unknown_service', format('There is no service %s.', p_service));
    END IF;
    IF p_service IS NULL THEN PERFORM FROM counters ORDER BY id FOR NO KEY UPDATE; END IF;
    PERFORM lock_lines(ids);
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    SELECT * INTO closed FROM close_lines(p_actor, ids, 'infinity');
    IF p_service IS NULL THEN
        PERFORM free_all_counters();
        UPDATE settings SET closed_day = greatest(closed_day, ended_business_day(clock_timestamp()));
    END IF;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(), closed.result, closed.events);
END
$$;

-- What the schedule has to close, and by which clock: the database's time, its business day, and `ended`, the last day that ended
-- and is not closed yet (null: nothing is due). A hub compares the time with its own clock before it closes.
CREATE OR REPLACE FUNCTION day_to_close() RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_at timestamptz := clock_timestamp();
BEGIN
    RETURN (SELECT jsonb_build_object('at', utc_text(now_at), 'business_day', business_day_at(now_at),
        'ended', CASE WHEN ended_business_day(now_at) > closed_day THEN ended_business_day(now_at) END) FROM settings);
END
$$;

-- The schedule: closes the days up to `p_until` if they ended and are not closed yet, also those on which no hub ran. Tickets of a
-- later day stay. Null if nothing is due. Several hubs may call it at once: the lines' locks let one of them close.
CREATE OR REPLACE FUNCTION close_day_if_due(p_until date) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    ended date := least(p_until, ended_business_day(clock_timestamp()));
    ids bigint[];
    closed record;
BEGIN
    IF coalesce(ended <= (SELECT closed_day FROM settings), true) THEN RETURN NULL; END IF;
    ids := ARRAY(SELECT id FROM services WHERE retired_on IS NULL);
    PERFORM FROM counters ORDER BY id FOR NO KEY UPDATE;
    PERFORM lock_lines(ids);
    IF ended <= (SELECT closed_day FROM settings) THEN RETURN NULL; END IF;
    SELECT * INTO closed FROM close_lines('schedule', ids, ended);
    PERFORM free_all_counters();
    UPDATE settings SET closed_day = ended;
    RETURN jsonb_build_object('result', closed.result, 'events', closed.events);
END
$$;

-- When the schedule closes the next day; null without a schedule.
CREATE OR REPLACE FUNCTION next_close() RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN first_moment(date_since(clock_timestamp(), time_zone, day_closes) + 1 + day_closes, time_zone) FROM settings;
END
$$;
