"""Queries that count violations in a database after `check races`; each must return 0.

SQL function `integrity_violations()` checks the lines as they are. These queries check the history: which ticket was
called when, to which counter and by which actor.
"""

from __future__ import annotations

from sqlalchemy import Engine, text

# One row for each change of a ticket: a transfer writes an event to two lines, with the same `at`.
_CHANGES = (
    "WITH changes AS (SELECT DISTINCT ON (ticket_id, at) *, before ->> 'status' AS was, ticket ->> 'status' AS now, "
    "ticket ->> 'counter' AS counter FROM queue_events WHERE ticket_id IS NOT NULL ORDER BY ticket_id, at) "
)

CHECKS = {
    "integrity violations": "SELECT count(*) FROM integrity_violations()",
    "lines with gaps": "SELECT count(*) FROM services s, validate_queue_integrity(s.id) v "
    "WHERE cardinality(missing_positions) + cardinality(duplicate_positions) > 0",
    "numbers given twice": "SELECT count(*) - count(DISTINCT (origin_service_id, business_day, number_value)) "
    "FROM tickets",
    "tickets lost or doubled": "SELECT abs((SELECT count(*) FROM tickets) - "
    "(SELECT count(*) FROM queue_events WHERE kind IN ('joined', 'imported')))",
    "revisions skipped": "SELECT count(*) FROM services s WHERE revision <> "
    "(SELECT count(*) FROM queue_events e WHERE e.service_id = s.id)",
    "history broken": "SELECT count(*) FROM broken_links()",
    "times running backwards": "SELECT count(*) FROM (SELECT at <= lag(at) OVER "
    "(PARTITION BY service_id ORDER BY revision) AS back FROM queue_events) times WHERE back",
    "two patients in one place": "SELECT count(*) FROM queue_events WHERE service_id = (SELECT id FROM services "
    "WHERE code = ticket ->> 'service') AND (ticket ->> 'position')::bigint NOT BETWEEN 1 AND waiting",
    "changes that do not follow from the ticket's last": _CHANGES
    + "SELECT count(*) FROM (SELECT before - 'position' AS before, lag(ticket - 'position') OVER (PARTITION BY ticket_id "
    "ORDER BY at) AS last FROM changes) chain WHERE before IS DISTINCT FROM last",
    "patients called twice": "SELECT count(*) FROM queue_events WHERE kind = 'called' "
    "AND before ->> 'status' NOT IN ('waiting', 'parked', 'no_show')",
    "two patients at one counter": _CHANGES
    + ", stays AS (SELECT counter, at, now, lead(at) OVER (PARTITION BY ticket_id ORDER BY at) AS until FROM changes) "
    "SELECT count(*) FROM (SELECT at < lag(coalesce(until, 'infinity')) OVER (PARTITION BY counter ORDER BY at) "
    "AS beside FROM stays WHERE now = 'consulting') pairs WHERE beside",
    "consultations not ended by a person": _CHANGES
    + "SELECT count(*) FROM changes WHERE was = 'consulting' AND now <> 'consulting' AND actor NOT LIKE 'user:%'",
    "consultations ended by the daily close": "SELECT count(*) FROM queue_events "
    "WHERE before ->> 'status' = 'consulting' AND (kind = 'cancelled' OR reason = 'day_closed')",
    "deadlocks": "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
}


def count_violations(engine: Engine) -> dict[str, int]:
    """Violation -> count; empty for a sound database."""
    with engine.connect() as connection:
        counts = {what: connection.execute(text(query)).scalar_one() for what, query in CHECKS.items()}
    return {what: count for what, count in counts.items() if count}
