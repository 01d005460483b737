"""What became of a request, by the key under which a window asked it: from the log line to the events it made."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine, text

KEPT = "7 days"
_REQUESTS = text(
    """
    SELECT actor, at, result ->> 'revision' AS revision, result #>> '{ticket,id}' AS ticket
    FROM requests WHERE key = :key ORDER BY at
    """
)
_EVENTS = text(
    """
    SELECT s.code AS service, e.revision, e.kind, e.ticket ->> 'number' AS number
    FROM queue_events e JOIN services s ON s.id = e.service_id
    WHERE e.actor = :actor AND e.at = :at ORDER BY e.service_id, e.revision
    """
)


def request_lines(engine: Engine, key: str) -> Iterator[str]:
    """A line for each request of that key (one, as keys are made) and for each event that it made, times in UTC.

    A key that is not remembered was never answered with a result, or is older than a week.
    """
    with engine.connect() as connection:
        found = connection.execute(_REQUESTS, {"key": key}).all()
        if not found:
            yield f"No change was made under the key {key} in the last {KEPT}: it was refused, or never reached a hub."
        for request in found:
            yield f"{request.at:%Y-%m-%d %H:%M:%S.%f} {request.actor} asked under the key {key}."
            events = connection.execute(_EVENTS, {"actor": request.actor, "at": request.at}).all()
            for event in events:
                yield f"  {event.service}/{event.revision} {event.kind} {event.number or ''}".rstrip()
            if not events:
                yield "  It changed no line."
