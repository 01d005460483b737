-- Checks of a sound database. Each is one statement and so reads one consistent state, without locks, while hubs run. A violation
-- is a sentence for an administrator.

-- The name of a ticket in a violation, with its day: numbers start again every day.
CREATE OR REPLACE FUNCTION ticket_name(t tickets) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.number || ' of ' || t.business_day
$$;

-- Checks the places of a line: 1, 2, 3 … up to tail - head, one ticket each, in the order of ranks.
CREATE OR REPLACE FUNCTION line_violations() RETURNS TABLE (service text, violation text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH lines AS (
        SELECT id, code, head, tail - head AS length FROM services
    ), stood AS (
        SELECT l.id, l.code, l.length, t.number, t.position_in_queue - l.head + 1 AS place, t.rank_class, t.rank_time
        FROM lines l JOIN tickets t ON t.service_id = l.id AND t.status = 'waiting' AND t.position_in_queue IS NOT NULL
    ), ends AS (  -- a place behind the last, so that a gap at the end is one between two places as well
        SELECT id, code, length, number, place FROM stood UNION ALL SELECT id, code, length, NULL, length + 1 FROM lines
    ), gaps AS (
        SELECT code, greatest(0, lag(place, 1, 0::bigint) OVER (PARTITION BY id ORDER BY place)) AS before,
            least(place, length + 1) AS after
        FROM ends
    ), neighbours AS (
        SELECT *, lag(number) OVER line AS other, lag(place) OVER line AS other_place,
            lag(rank_class) OVER line AS other_class, lag(rank_time) OVER line AS other_time
        FROM stood WINDOW line AS (PARTITION BY id ORDER BY place, number)
    )
    SELECT code, CASE WHEN after - before = 2 THEN format('nobody stands in place %s', before + 1)
        ELSE format('nobody stands in the places %s to %s', before + 1, after - 1) END
    FROM gaps WHERE after - before > 1
    UNION ALL
    SELECT code, format('%s and %s both stand in place %s', other, number, place) FROM neighbours WHERE place = other_place
    UNION ALL
    SELECT code, format('%s stands in place %s of a line of %s', number, place, length)
    FROM stood WHERE place NOT BETWEEN 1 AND length
    UNION ALL
    SELECT code, format('%s in place %s has a better rank than %s in place %s', number, place, other, other_place)
    FROM neighbours WHERE (rank_class, rank_time) < (other_class, other_time)
    UNION ALL
    SELECT l.code, format('the line has %s places, waiting: %s', l.length, w.tickets)
    FROM lines l, LATERAL (SELECT count(*) AS tickets FROM tickets WHERE service_id = l.id AND status = 'waiting') w
    WHERE w.tickets <> l.length
$$;

-- Checks each ticket: the columns that its status needs, and its number's text (the prefix may have changed since).
CREATE OR REPLACE FUNCTION ticket_violations() RETURNS TABLE (service text, violation text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.code, format('%s ' || v.what, ticket_name(t), t.status)
    FROM tickets t JOIN services s ON s.id = t.service_id
    CROSS JOIN LATERAL (SELECT t.status = 'waiting' AS waits, t.status = 'consulting' AS served,
        t.status IN ('waiting', 'parked') AS free, t.status IN ('completed', 'no_show', 'cancelled') AS over) is_
    CROSS JOIN LATERAL (VALUES
        (NOT (is_.free OR is_.served OR is_.over), 'has the unknown status %s'),
        (is_.waits AND t.position_in_queue IS NULL, 'is %s without a place in line'),
        (NOT is_.waits AND t.position_in_queue IS NOT NULL, 'is %s but has a place in line'),
        (is_.served AND t.counter_id IS NULL, 'is %s at no counter'),
        (is_.served AND t.called_at IS NULL, 'is %s but was never called'),
        (is_.served AND t.started_at IS NULL, 'is %s but has no start'),
        (is_.free AND t.counter_id IS NOT NULL, 'is %s but has a counter'),
        (is_.over AND t.ended_at IS NULL, 'is %s but has no end'),
        ((is_.free OR is_.served) AND t.ended_at IS NOT NULL, 'is %s but has an end'),
        (is_.waits AND NOT t.placed_by_hand AND (t.rank_class, t.rank_time) IS DISTINCT FROM
            (rank_class(t.priority, s.head_start), rank_time(t.priority, s.head_start, t.joined_at)),
            'is %s with a rank that is not its own')
    ) v (wrong, what)
    WHERE v.wrong AND NOT (is_.over AND t.ended_at IS NOT NULL AND t.position_in_queue IS NULL)  -- most, and quickly seen
    UNION ALL
    SELECT s.code, format('%s does not end in its number %s', ticket_name(t), n.digits)
    FROM tickets t JOIN services s ON s.id = t.service_id
    CROSS JOIN LATERAL (SELECT CASE WHEN t.number_value < 1000 THEN right('00' || t.number_value, 3)
        ELSE t.number_value::text END AS digits) n
    WHERE t.number <> rtrim(t.number, '0123456789') || n.digits
    UNION ALL
    SELECT min(s.code), format('the counter %s serves %s patients at once: %s', c.code, count(*),
        string_agg(t.number, ', ' ORDER BY t.number))
    FROM tickets t JOIN counters c ON c.id = t.counter_id JOIN services s ON s.id = t.service_id
    WHERE t.status = 'consulting' GROUP BY c.code HAVING count(*) > 1
$$;

-- Checks numbers: each issued once a day, by one service, and the next number still free.
CREATE OR REPLACE FUNCTION number_violations() RETURNS TABLE (service text, violation text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.code, format('the number %s was given %s times on %s', n.number_value, n.times, n.business_day)
    FROM (SELECT origin_service_id, business_day, number_value, count(*) AS times FROM tickets
          GROUP BY origin_service_id, business_day, number_value HAVING count(*) > 1) n
    JOIN services s ON s.id = n.origin_service_id
    UNION ALL
    SELECT min(s.code), format('%s of %s was given by %s', n.number, n.business_day, string_agg(s.code, ' and ' ORDER BY s.code))
    FROM (SELECT number, business_day, array_agg(DISTINCT origin_service_id) AS origins FROM tickets
          GROUP BY number, business_day HAVING count(*) > 1) n
    JOIN services s ON s.id = ANY (n.origins)
    WHERE cardinality(n.origins) > 1 GROUP BY n.number, n.business_day
    UNION ALL
    SELECT s.code, v.what FROM services s
    CROSS JOIN LATERAL (SELECT coalesce(max(number_value), 0) AS highest, count(*) AS given,
        count(*) FILTER (WHERE status <> 'cancelled') AS kept FROM tickets WHERE origin_service_id = s.id AND business_day = s.business_day) t
    -- Days in the future don't count: their tickets are from a clock that was ahead.
    CROSS JOIN LATERAL (SELECT max((ticket ->> 'business_day')::date) AS day FROM (SELECT ticket FROM queue_events
        WHERE service_id = s.id AND kind = 'joined' ORDER BY revision DESC LIMIT 1) e) latest
    CROSS JOIN LATERAL (VALUES
        (s.next_number <= t.highest, format('the next number is %s, but %s was given already', s.next_number, t.highest)),
        (s.issued NOT BETWEEN t.kept AND t.given,  -- taking back a join frees its place in the quota
            format('%s tickets are counted as issued, but %s were', s.issued, t.given)),
        (latest.day <> s.business_day, format('a ticket is of %s, but its day is %s', latest.day, s.business_day))
    ) v (wrong, what)
    WHERE v.wrong
$$;

-- All violations, by service; no rows if the database is sound.
CREATE OR REPLACE FUNCTION integrity_violations() RETURNS TABLE (service text, violation text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT service, violation FROM (
        SELECT 1 AS part, * FROM line_violations() UNION ALL SELECT 2, * FROM ticket_violations()
        UNION ALL SELECT 3, * FROM number_violations() UNION ALL SELECT 4, * FROM history_violations()) found
    ORDER BY service, part, violation
$$;
