"""`inturn-hub trace`: the request with a given key, and the events that it wrote."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine, text

KEPT = "7 days"
_REQUESTS = text(
    """
    SELECT actor, at FROM requests WHERE key = :key ORDER BY at
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
    """Lines of text: each request with that key (normally one) and each event that it wrote; times in UTC.

    A key that is not stored belongs to a request that was refused, never reached a hub, or is older than `KEPT`.
    """
    with engine.connect() as connection:
        requests = connection.execute(_REQUESTS, {"key": key}).all()
        if not requests:
            yield f"No change was made under the key {key} in the last {KEPT}: it was refused, or never reached a hub."
        for request in requests:
            yield f"{request.at:%Y-%m-%d %H:%M:%S.%f} {request.actor} asked under the key {key}."
            events = connection.execute(_EVENTS, {"actor": request.actor, "at": request.at}).all()
            for event in events:
                yield f"  {event.service}/{event.revision} {event.kind} {event.number or ''}".rstrip()
            if not events:
                yield "  It changed no line."
