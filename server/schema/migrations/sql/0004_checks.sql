-- What must hold in a sound database, read in one statement: of one moment, without a lock, beside running hubs. A violation is
-- a sentence for a person. `validate_queue_integrity` stays what windows ask about one line.

-- A ticket as a check names it: numbers start again every day.
CREATE FUNCTION ticket_name(t tickets) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.number || ' of ' || t.business_day
$$;

-- The line's places: 1, 2, 3 … each with one patient, as many as head and tail say, the better rank before the worse.
CREATE FUNCTION line_violations() RETURNS TABLE (service text, violation text)
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

-- Each ticket's own state: what goes with its status, and its number's text (the prefix may have been changed later).
CREATE FUNCTION ticket_violations() RETURNS TABLE (service text, violation text)
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

-- Numbers: each given once a day, by one service, and the next one still free.
CREATE FUNCTION number_violations() RETURNS TABLE (service text, violation text)
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
    CROSS JOIN LATERAL (SELECT max(business_day) AS day FROM tickets WHERE origin_service_id = s.id) latest
    CROSS JOIN LATERAL (VALUES
        (s.next_number <= t.highest, format('the next number is %s, but %s was given already', s.next_number, t.highest)),
        (s.issued NOT BETWEEN t.kept AND t.given,  -- taking back a join frees its place in the quota
            format('%s tickets are counted as issued, but %s were', s.issued, t.given)),
        (latest.day > s.business_day, format('a ticket is of %s, but its day is %s', latest.day, s.business_day))
    ) v (wrong, what)
    WHERE v.wrong
$$;

-- The last event of each ticket, and what it shows. A transfer writes two of one moment: the one of the ticket's line counts.
CREATE FUNCTION last_events() RETURNS TABLE (ticket_id uuid, service_id bigint, revision bigint, status text, code text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT DISTINCT ON (e.ticket_id) e.ticket_id, e.service_id, e.revision, e.ticket ->> 'status', e.ticket ->> 'service'
    FROM queue_events e LEFT JOIN services s ON s.id = e.service_id WHERE e.ticket_id IS NOT NULL
    ORDER BY e.ticket_id, e.at DESC, e.ticket ->> 'service' = s.code DESC, e.revision DESC
$$;

-- The history agrees with the tables: revisions without a gap, the last event with the service's row, each ticket's last event
-- with its status.
CREATE FUNCTION history_violations() RETURNS TABLE (service text, violation text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH latest AS MATERIALIZED (SELECT * FROM last_events())  -- sorted once, not by each parallel worker
    SELECT s.code, v.what FROM services s
    LEFT JOIN (SELECT service_id, count(*) AS events, max(revision) AS highest,
        max(revision) FILTER (WHERE kind IN ('opened', 'paused', 'closed')) AS switched
        FROM queue_events GROUP BY service_id) told ON told.service_id = s.id
    CROSS JOIN LATERAL (SELECT coalesce(told.events, 0) AS events, coalesce(told.highest, 0) AS highest, told.switched) h
    LEFT JOIN queue_events e ON e.service_id = s.id AND e.revision = h.highest
    LEFT JOIN queue_events switch ON switch.service_id = s.id AND switch.revision = h.switched
    CROSS JOIN LATERAL (VALUES
        (s.revision <> h.highest, format('its revision is %s, but its last event is %s', s.revision, h.highest)),
        (h.events <> h.highest, format('%s events are there, but the last is %s', h.events, h.highest)),
        (s.last_hash <> coalesce(e.hash, ''), format('the hash kept for the last event is not that of event %s', h.highest)),
        (s.last_event_at < e.at, format('the time kept for the last event is before event %s', h.highest)),
        (s.tail - s.head <> coalesce(e.waiting, 0), format('event %s says that %s wait, but the line has %s places',
            h.highest, coalesce(e.waiting, 0), s.tail - s.head)),
        (replace(switch.kind, 'opened', 'open') <> s.state, format('it is %s, but %s since event %s', s.state, switch.kind, h.switched))
    ) v (wrong, what)
    WHERE v.wrong
    UNION ALL
    SELECT s.code, CASE WHEN e.revision IS NULL THEN format('%s has no event', ticket_name(t))
        WHEN e.status <> t.status THEN format('%s is %s, but %s after event %s', ticket_name(t), t.status, e.status, e.revision)
        ELSE format('%s belongs to %s, but to %s after its last event', ticket_name(t), s.code, e.code) END
    FROM tickets t JOIN services s ON s.id = t.service_id
    LEFT JOIN latest e ON e.ticket_id = t.id
    WHERE e.status IS DISTINCT FROM t.status OR e.code IS DISTINCT FROM s.code
$$;

-- Everything that is wrong in any line, service by service; no rows: sound.
CREATE FUNCTION integrity_violations() RETURNS TABLE (service text, violation text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT service, violation FROM (
        SELECT 1 AS part, * FROM line_violations() UNION ALL SELECT 2, * FROM ticket_violations()
        UNION ALL SELECT 3, * FROM number_violations() UNION ALL SELECT 4, * FROM history_violations()) found
    ORDER BY service, part, violation
$$;

-- The administrators' chain gets an anchor as every service has one: without it, nobody would miss its last events.
ALTER TABLE settings
    ADD COLUMN admin_revision bigint NOT NULL DEFAULT 0,
    ADD COLUMN admin_last_hash bytea NOT NULL DEFAULT '\x';
UPDATE settings SET admin_revision = last.id, admin_last_hash = last.hash
FROM (SELECT id, hash FROM admin_events ORDER BY id DESC LIMIT 1) last;

-- Writes the next administrative event. The lock on the site's row orders the chain.
CREATE OR REPLACE FUNCTION append_admin_event(p_actor text, p_kind text, p_subject text, p_details jsonb DEFAULT '{}')
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    e admin_events;
    previous bytea;
BEGIN
    SELECT admin_revision + 1, admin_last_hash INTO e.id, previous FROM settings FOR NO KEY UPDATE;
    e.at := greatest(clock_timestamp(), (SELECT at FROM admin_events ORDER BY id DESC LIMIT 1));
    e.actor := p_actor;
    e.kind := p_kind;
    e.subject := p_subject;
    e.details := p_details;
    e.hash := admin_event_hash(previous, e);
    INSERT INTO admin_events SELECT e.*;
    UPDATE settings SET admin_revision = e.id, admin_last_hash = e.hash;
END
$$;

-- The first broken link of each service's chain and of the administrators': an event is "missing", was "altered" after it was
-- written, was "added" to them, or the last one was "replaced". No rows: nothing was tampered with.
DROP FUNCTION broken_links();
CREATE FUNCTION broken_links() RETURNS TABLE (chain text, revision bigint, fault text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH chains AS (
        SELECT id, code AS chain, revision AS last, last_hash FROM services
        UNION ALL SELECT NULL, 'administration', admin_revision, admin_last_hash FROM settings
    ), links AS (
        SELECT c.id, c.code::text AS chain, c.revision AS last, e.revision, e.revision > 1 AND p.hash IS NULL AS alone,
            e.hash = queue_event_hash(coalesce(p.hash, ''), e) AS sound
        FROM services c
        JOIN queue_events e ON e.service_id = c.id
        LEFT JOIN queue_events p ON p.service_id = e.service_id AND p.revision = e.revision - 1 AND p.revision > 0
        UNION ALL
        SELECT c.id, c.chain, c.last, a.id, a.id > 1 AND p.hash IS NULL, a.hash = admin_event_hash(coalesce(p.hash, ''), a)
        FROM chains c
        JOIN admin_events a ON c.id IS NULL
        LEFT JOIN admin_events p ON p.id = a.id - 1 AND p.id > 0
    ), faults AS (
        SELECT id, chain, revision,
            CASE WHEN revision NOT BETWEEN 1 AND last THEN 'added' WHEN alone THEN 'missing' ELSE 'altered' END AS fault
        FROM links WHERE alone OR NOT sound OR revision NOT BETWEEN 1 AND last
        UNION ALL
        SELECT c.id, c.chain, CASE WHEN e.hash IS NULL THEN c.last + 1 ELSE c.last END,
            CASE WHEN e.hash IS NULL THEN 'missing' ELSE 'replaced' END
        FROM chains c
        LEFT JOIN (SELECT service_id, revision, hash FROM queue_events UNION ALL SELECT NULL, id, hash FROM admin_events) e
            ON e.service_id IS NOT DISTINCT FROM c.id AND e.revision = c.last
        WHERE c.last_hash <> coalesce(e.hash, '') OR (c.last > 0 AND e.hash IS NULL)
    ), first AS (
        SELECT DISTINCT ON (chain) * FROM faults ORDER BY chain, revision < 1, revision
    )
    SELECT chain, CASE WHEN fault <> 'missing' THEN revision ELSE 1 + coalesce(CASE WHEN id IS NULL
            THEN (SELECT max(a.id) FROM admin_events a WHERE a.id < first.revision)
            ELSE (SELECT max(e.revision) FROM queue_events e WHERE e.service_id = first.id AND e.revision < first.revision) END, 0) END,
        fault
    FROM first ORDER BY chain
$$;

-- Tickets whose last event shows another ticket than the table does, place in line and personal data aside. The rank is compared
-- where an event shows it: those before this revision don't.
CREATE FUNCTION ticket_differences() RETURNS TABLE (service text, violation text)
LANGUAGE sql STABLE AS $$
    WITH told AS (
        SELECT e.ticket_id, e.service_id, e.revision, e.ticket FROM last_events() JOIN queue_events e USING (service_id, revision)
    )
    SELECT s.code, CASE
        WHEN told.ticket_id IS NULL THEN ticket_name(t) || ' has no event'
        WHEN t.id IS NULL THEN format('the ticket of event %s is gone', told.revision)
        ELSE format('the %s of %s is %s, but %s after event %s', replace(d.member, '_', ' '), ticket_name(t),
            coalesce(kept.ticket ->> d.member, 'none'), coalesce(told.ticket ->> d.member, 'none'), told.revision) END
    FROM tickets t
    FULL JOIN told ON told.ticket_id = t.id
    LEFT JOIN services line ON line.id = t.service_id
    LEFT JOIN services origin ON origin.id = t.origin_service_id
    LEFT JOIN counters seat ON seat.id = t.counter_id
    CROSS JOIN LATERAL (SELECT ticket_view(t, 0, line.code, origin.code, seat.code) - CASE WHEN told.ticket ? 'rank_class'
        THEN '{position}'::text[] ELSE '{position,rank_class,rank_time,placed_by_hand}' END AS ticket OFFSET 0) kept
    LEFT JOIN LATERAL (
        SELECT coalesce(a.key, b.key) AS member FROM jsonb_each(kept.ticket) a
        FULL JOIN jsonb_each(told.ticket - 'position') b ON b.key = a.key WHERE a.value IS DISTINCT FROM b.value
    ) d ON t.id = told.ticket_id
    JOIN services s ON s.id = coalesce(told.service_id, t.service_id)
    WHERE kept.ticket IS DISTINCT FROM told.ticket - 'position'
    ORDER BY s.code, told.revision, d.member
$$;
