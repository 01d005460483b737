"""Compares the answers that processes logged with the database, and checks that the database breaks no rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine, text

from core.errors import BY_REASON
from server.checks.violations import count_violations
from tests.support.hammer import Acknowledged, Log


def find_faults(engine: Engine, logs: list[Log]) -> dict[str, Any]:
    """The faults by kind, at most five of each; empty if there are none."""
    wrong: dict[str, Any] = dict(count_violations(engine))
    wrong["faults"] = [fault for log in logs for fault in log.faults][:5]
    reasons = {refusal.rpartition(" ")[2] for log in logs for refusal in log.refused}
    wrong["refused for no known reason"] = sorted(reasons - BY_REASON.keys())
    logged = {(answer.actor, answer.key): answer for log in logs for answer in log.acknowledged}
    stored = _stored(engine)
    wrong["acknowledged and not there"] = sorted(logged.keys() - stored.keys())[:5]
    wrong["there and not acknowledged"] = sorted(stored.keys() - logged.keys())[:5]
    wrong["answered otherwise"] = [
        (answer, stored[name])
        for name, answer in logged.items()
        if name in stored and not _agrees(answer, stored[name])
    ][:5]
    wrong["called, but not the first"] = _calls_out_of_turn(engine, logged.values())
    return {what: found for what, found in wrong.items() if found}


def _agrees(answer: Acknowledged, stored: frozenset[tuple[str, int]]) -> bool:
    return (
        stored == answer.events if answer.events is not None else answer.made is None or answer.made in stored
    )


def _stored(engine: Engine) -> dict[tuple[str, str], frozenset[tuple[str, int]]]:
    """(actor, key) of each request -> the events that its transaction wrote; ("", "") -> events without a request."""
    query = text(
        "SELECT coalesce(r.actor, ''), coalesce(r.key, ''), s.code, e.revision FROM requests r "
        "FULL JOIN queue_events e ON e.xmin::text = r.xmin::text LEFT JOIN services s ON s.id = e.service_id"
    )
    stored: dict[tuple[str, str], set[tuple[str, int]]] = {}
    with engine.connect() as connection:
        for actor, key, service, revision in connection.execute(query):
            stored.setdefault((actor, key), set()).update({(service, revision)} if service else ())
    return {name: frozenset(events) for name, events in stored.items()}


def _calls_out_of_turn(engine: Engine, answers: Iterable[Acknowledged]) -> list[Acknowledged]:
    query = text(
        "SELECT s.code, e.revision FROM queue_events e JOIN services s ON s.id = e.service_id "
        "WHERE kind = 'called' AND from_position IS DISTINCT FROM 1"
    )
    with engine.connect() as connection:
        not_first = {(code, revision) for code, revision in connection.execute(query)}
    return [
        answer for answer in answers if answer.operation == "call_next_patient" and answer.made in not_first
    ][:5]
