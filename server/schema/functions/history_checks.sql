-- Whether the history agrees with the tables and with its own chains, each read in one statement like integrity.sql.

-- The last event of each ticket, with the status and service in it. Of the last events in several lines, the one in the line that
-- the ticket was in after it counts: a ticket that left a line has its new line in its last event there. Times don't decide, since a
-- clock that is set right goes back.
CREATE OR REPLACE FUNCTION last_events()
RETURNS TABLE (ticket_id uuid, service_id bigint, revision bigint, status text, code text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT DISTINCT ON (e.ticket_id) e.ticket_id, e.service_id, e.revision, e.ticket ->> 'status', e.ticket ->> 'service'
    FROM (SELECT DISTINCT ON (ticket_id, service_id) * FROM queue_events WHERE ticket_id IS NOT NULL
        ORDER BY ticket_id, service_id, revision DESC) e
    LEFT JOIN services s ON s.id = e.service_id
    ORDER BY e.ticket_id, e.ticket ->> 'service' = s.code DESC, e.at DESC
$$;

-- Checks that revisions have no gap, that the last event agrees with the service's row, and each ticket's last event with the
-- ticket's status and service.
CREATE OR REPLACE FUNCTION history_violations() RETURNS TABLE (service text, violation text)
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

-- Tickets whose last event differs from the table, apart from place in line and personal data.
CREATE OR REPLACE FUNCTION ticket_differences() RETURNS TABLE (service text, violation text)
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
    CROSS JOIN LATERAL (SELECT ticket_view(t, 0, line.code, origin.code, seat.code) - 'position' AS ticket OFFSET 0) kept
    LEFT JOIN LATERAL (
        SELECT coalesce(a.key, b.key) AS member FROM jsonb_each(kept.ticket) a
        FULL JOIN jsonb_each(told.ticket - 'position') b ON b.key = a.key WHERE a.value IS DISTINCT FROM b.value
    ) d ON t.id = told.ticket_id
    JOIN services s ON s.id = coalesce(told.service_id, t.service_id)
    WHERE kept.ticket IS DISTINCT FROM told.ticket - 'position'
    ORDER BY s.code, told.revision, d.member
$$;

-- The first broken link of each line's chain and of the administrative one: an event is "missing", was "altered" after it was
-- written, was "added", or the last one was "replaced". No rows: no tampering.
CREATE OR REPLACE FUNCTION broken_links() RETURNS TABLE (chain text, revision bigint, fault text)
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
