"""Whether the data in the current schema are sound: places, history, and the chains of events."""

from __future__ import annotations

from sqlalchemy import Connection, text

_CHECKS = (
    "SELECT service || ': ' || violation FROM integrity_violations()",
    "SELECT service || ': ' || violation FROM ticket_differences()",
    "SELECT chain || ': event ' || revision || ' is ' || fault FROM broken_links()",
    "SELECT code || ': its places are not 1, 2, 3' FROM services s, validate_queue_integrity(s.id) v "
    "WHERE cardinality(v.missing_positions) + cardinality(v.duplicate_positions) > 0",
)


def violations(connection: Connection) -> list[str]:
    """What is wrong, a sentence each. Runs the deferred constraints, too, which raise DBAPIError."""
    connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    return [sentence for check in _CHECKS for sentence in connection.execute(text(check)).scalars()]
