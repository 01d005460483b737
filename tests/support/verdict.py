"""Whether what many processes were told is what is there, and nothing else; and whether what is there is sound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine, text

from core.errors import BY_REASON
from server.checks.violations import count_violations
from tests.support.hammer import Log, Told


def judged(engine: Engine, logs: list[Log]) -> dict[str, Any]:
    """Everything that is wrong; empty when nothing is."""
    wrong: dict[str, Any] = dict(count_violations(engine))
    wrong["faults"] = [fault for log in logs for fault in log.faults][:5]
    reasons = {refusal.rpartition(" ")[2] for log in logs for refusal in log.refused}
    wrong["refused for no known reason"] = sorted(reasons - BY_REASON.keys())
    told = {(each.actor, each.key): each for log in logs for each in log.told}
    kept = _kept(engine)
    wrong["acknowledged and not there"] = sorted(told.keys() - kept.keys())[:5]
    wrong["there and not acknowledged"] = sorted(kept.keys() - told.keys())[:5]
    wrong["told otherwise"] = [
        (each, kept[name]) for name, each in told.items() if name in kept and not _agrees(each, kept[name])
    ][:5]
    wrong["called, but not the first"] = _calls_out_of_turn(engine, told.values())
    return {what: found for what, found in wrong.items() if found}


def _agrees(told: Told, kept: frozenset[tuple[str, int]]) -> bool:
    return kept == told.events if told.events is not None else told.made is None or told.made in kept


def _kept(engine: Engine) -> dict[tuple[str, str], frozenset[tuple[str, int]]]:
    """Each request and its events: what one transaction wrote. Events of no request come under ("", "")."""
    query = text(
        "SELECT coalesce(r.actor, ''), coalesce(r.key, ''), s.code, e.revision FROM requests r "
        "FULL JOIN queue_events e ON e.xmin::text = r.xmin::text LEFT JOIN services s ON s.id = e.service_id"
    )
    kept: dict[tuple[str, str], set[tuple[str, int]]] = {}
    with engine.connect() as connection:
        for actor, key, service, revision in connection.execute(query):
            kept.setdefault((actor, key), set()).update({(service, revision)} if service else ())
    return {name: frozenset(events) for name, events in kept.items()}


def _calls_out_of_turn(engine: Engine, told: Iterable[Told]) -> list[Told]:
    query = text(
        "SELECT s.code, e.revision FROM queue_events e JOIN services s ON s.id = e.service_id "
        "WHERE kind = 'called' AND from_position IS DISTINCT FROM 1"
    )
    with engine.connect() as connection:
        not_first = {(code, revision) for code, revision in connection.execute(query)}
    return [each for each in told if each.operation == "call_next_patient" and each.made in not_first][:5]
