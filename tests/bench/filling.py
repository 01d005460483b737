"""A clinic after years of use: a long line and many past tickets, written in bulk.

The rows keep every constraint, and head, tail, revision and numbers agree with them (`validate_queue_integrity` finds
nothing); the hashes of the events are not a chain.
"""

from __future__ import annotations

from typing import Any

import psycopg

TICKETS_A_DAY = 1_000
DAYS_REMEMBERED = 7

# Nine tickets in ten are completed, the rest are no-shows or cancelled; the last day is yesterday.
PAST = f"""
WITH now AS MATERIALIZED (SELECT business_day_now() AS today)
INSERT INTO tickets (id, service_id, origin_service_id, business_day, number_value, number, priority, status, rank_class,
    rank_time, counter_id, calls, issued_by, joined_at, called_at, started_at, ended_at)
SELECT gen_random_uuid(), s.id, s.id, made.day, made.number,
    ticket_number(s.prefix, made.number), 'medium', made.status, 1, made.at,
    CASE WHEN made.calls = 1 THEN (SELECT min(counter_id) FROM counter_services WHERE service_id = s.id) END,
    made.calls, 'device:1', made.at, called.at, called.at, made.at + interval '30 minutes'
FROM services s CROSS JOIN now CROSS JOIN generate_series(1, %(past)s) n
CROSS JOIN LATERAL (SELECT today - 1 - (n - 1) / {TICKETS_A_DAY} AS day, (n - 1) %% {TICKETS_A_DAY} + 1 AS number,
    CASE WHEN n %% 20 = 0 THEN 'no_show' WHEN n %% 20 = 1 THEN 'cancelled' ELSE 'completed' END AS status) kind
CROSS JOIN LATERAL (SELECT kind.*, CASE kind.status WHEN 'cancelled' THEN 0 ELSE 1 END AS calls,
    (kind.day + time '08:00') AT TIME ZONE 'UTC' + kind.number * interval '36 seconds' AS at) made
CROSS JOIN LATERAL (SELECT CASE WHEN made.calls = 1 THEN made.at + interval '20 minutes' END AS at) called
WHERE s.code = %(service)s
"""

# One ticket in twenty has high priority, one in twenty low: a sorted line. Tickets joined a second apart.
PRESENT = """
WITH now AS MATERIALIZED (SELECT business_day_now() AS today)
INSERT INTO tickets (id, service_id, origin_service_id, business_day, number_value, number, priority, status,
    position_in_queue, rank_class, rank_time, issued_by, patient_name, joined_at)
SELECT gen_random_uuid(), s.id, s.id, today, n, ticket_number(s.prefix, n::integer), made.priority, 'waiting',
    s.tail - 1 + row_number() OVER (ORDER BY made.class, n), made.class, made.at, 'device:1', 'Patient ' || n, made.at
FROM services s CROSS JOIN now CROSS JOIN generate_series(1, %(waiting)s) n
CROSS JOIN LATERAL (
    SELECT CASE WHEN n %% 20 = 0 THEN 'high' WHEN n %% 20 = 1 THEN 'low' ELSE 'medium' END AS priority,
        (CASE WHEN n %% 20 = 0 THEN 0 WHEN n %% 20 = 1 THEN 2 ELSE 1 END)::smallint AS class,
        clock_timestamp() - (%(waiting)s - n + 1) * interval '1 second' AS at
) made
WHERE s.code = %(service)s
"""

EVENTS = """
INSERT INTO queue_events (service_id, revision, kind, ticket_id, actor, at, waiting, ticket, hash)
SELECT s.id, s.revision + row_number() OVER (ORDER BY e.at), e.kind, t.id, 'user:1', e.at, 1,
    jsonb_build_object('id', t.id, 'number', t.number), ''
FROM services s JOIN tickets t ON t.service_id = s.id, LATERAL (VALUES
    ('joined', t.joined_at), ('called', t.called_at), (t.status, t.ended_at)
) e(kind, at)
WHERE s.code = %(service)s AND e.at IS NOT NULL
"""

REQUESTS = f"""
WITH now AS MATERIALIZED (SELECT business_day_now() AS today)
INSERT INTO requests (actor, key, digest, result, at)
SELECT 'device:1', gen_random_uuid()::text, '', '{{}}', t.joined_at
FROM now CROSS JOIN services s JOIN tickets t ON t.service_id = s.id
WHERE s.code = %(service)s AND t.business_day >= today - {DAYS_REMEMBERED}
"""

ESTIMATES = """
INSERT INTO wait_estimates (ticket_id, service_id, told_at, low_seconds, high_seconds, waited_seconds)
SELECT t.id, s.id, t.joined_at, 600, 1800, extract(epoch FROM t.called_at - t.joined_at)
FROM services s JOIN tickets t ON t.service_id = s.id WHERE s.code = %(service)s
"""

SERVICE = """
UPDATE services s SET tail = s.tail + %(waiting)s, next_number = %(waiting)s + 1, issued = %(waiting)s,
    business_day = business_day_now(), last_event_at = clock_timestamp(),
    revision = s.revision + (SELECT count(*) FROM queue_events e WHERE e.service_id = s.id)
WHERE s.code = %(service)s
"""

FILLING = (PAST, PRESENT, EVENTS, REQUESTS, ESTIMATES, SERVICE)


def fill(connection: psycopg.Connection[Any], service: str, *, waiting: int, past: int = 0) -> None:
    """Fills an unused service, which a counter serves, with `waiting` and `past` tickets.

    Needs a superuser, to skip foreign keys and deferred checks: they hold by construction, and checking a million
    rows takes minutes.
    """
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in FILLING:
            connection.execute(statement.encode(), {"service": service, "waiting": waiting, "past": past})
