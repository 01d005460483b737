"""Compares what the clients of a trial requested, were answered and applied with what the database holds.

The six checks: (1) every acknowledged change is stored once, with its result; (2) a change without acknowledgement is
stored at most once, and nothing else is stored; (3) revisions are 1 to N; (4) no number, call or place is given twice;
(5) every client's log equals the history; (6) every rule of the tables and the history holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, text

from core.line.line_store import Line
from core.line.tickets import QueueEvent, Snapshot
from server.checks.integrity import broken_links, integrity_violations
from server.checks.replay import replay_differences
from server.checks.violations import count_violations
from tests.support.faults.journal import Ack, Leap, Life, Step, Testimony, lasting, read_all, step_of
from tests.support.faults.witness import line_shown

SHOWN = 5
"""Most findings of a kind that are returned."""
Change = tuple[str, int]
"""A service and a revision."""


def judged(engine: Engine, folder: Path) -> dict[str, Any]:
    """Returns the findings by kind; empty when all is sound. No request may be in flight meanwhile."""
    evidence = read_all(folder)
    wrong: dict[str, list[Any]] = {}
    for what, found in (*_requests(engine, evidence), *_lines(engine), *_logs(engine, evidence)):
        wrong.setdefault(what, []).extend(islice(found, SHOWN))
    return {what: found[:SHOWN] for what, found in wrong.items() if found} | count_violations(engine)


def counted(folder: Path) -> dict[str, int]:
    """Counts the requests asked, acknowledged and refused, and the events and snapshots applied, of all clients."""
    evidence = read_all(folder)
    return {
        "asked": sum(len(each.intents) for each in evidence),
        "acknowledged": sum(len(each.acks) for each in evidence),
        "refused": sum(len(each.refusals) for each in evidence),
        "seen": sum(isinstance(sight, Step) for each in evidence for sight in each.sights),
        "replaced": sum(isinstance(sight, Leap) for each in evidence for sight in each.sights),
    }


def database_lines(engine: Engine) -> dict[str, dict[str, Any]]:
    """Returns each line as a window must show it, read from the database."""
    shown = {}
    with engine.connect() as connection:
        for code in connection.execute(text("SELECT code FROM services ORDER BY id")).scalars().all():
            found = connection.execute(
                text("SELECT queue_snapshot(:code)::text"), {"code": code}
            ).scalar_one()
            line = Line(code)
            line.replace([msgspec.json.decode(found, type=Snapshot)])
            shown[code] = line_shown(line)
    return shown


def _requests(engine: Engine, evidence: list[Testimony]) -> Iterator[tuple[str, Iterable[Any]]]:
    """Checks 1 and 2."""
    results, events = _stored(engine)
    for witness in evidence:
        kept = results.get(witness.actor, {})
        yield "acknowledged but not stored", sorted(witness.acks.keys() - kept.keys())
        yield "refused but stored", sorted(witness.refusals.keys() & kept.keys())
        yield "stored but never requested", sorted(kept.keys() - witness.intents.keys())
        yield "acknowledged with another result", _with_another_result(witness, kept, events)
    yield "changes without a request", sorted(events.get(("", ""), ()))
    known = {witness.actor for witness in evidence}
    yield "requests of unknown actors", sorted(results.keys() - known)


def _with_another_result(
    witness: Testimony, kept: dict[str, Any], events: dict[tuple[str, str], set[Change]]
) -> Iterator[tuple[Ack, Any]]:
    for key, ack in witness.acks.items():
        stored = kept.get(key)
        made, ticket = ack.result.get("revision"), ack.result.get("ticket")
        changes = events.get((witness.actor, key), set())
        missing = made is not None and ticket and (ticket["service"], made) not in changes
        if stored is not None and ({**stored, **ack.result} != stored or missing):
            yield ack, (stored, sorted(changes))


def _stored(engine: Engine) -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], set[Change]]]:
    """Returns the stored results by actor and key, and the events that each request's transaction wrote."""
    results: dict[str, dict[str, Any]] = {}
    events: dict[tuple[str, str], set[Change]] = {}
    query = text(
        "SELECT r.actor, r.key, r.result::text, s.code, e.revision FROM requests r "
        "FULL JOIN queue_events e ON e.xmin::text = r.xmin::text LEFT JOIN services s ON s.id = e.service_id"
    )
    with engine.connect() as connection:
        for actor, key, result, service, revision in connection.execute(query):
            if actor is not None:
                results.setdefault(actor, {})[key] = lasting(msgspec.json.decode(result))
            if service is not None:
                events.setdefault((actor or "", key or ""), set()).add((service, revision))
    return results, events


def _lines(engine: Engine) -> Iterator[tuple[str, Iterable[Any]]]:
    """Checks 3, 4 and 6, apart from `count_violations`."""
    gaps = text(
        "SELECT s.code, e.revision FROM (SELECT *, row_number() OVER (PARTITION BY service_id ORDER BY revision) "
        "AS place FROM queue_events) e JOIN services s ON s.id = service_id WHERE e.revision <> place"
    )
    with engine.connect() as connection:
        yield "gaps in the revisions", [tuple(row) for row in connection.execute(gaps)]
    yield "violations", integrity_violations(engine)
    yield "broken links", broken_links(engine)
    yield "history and tables differ", replay_differences(engine)


def _logs(engine: Engine, evidence: list[Testimony]) -> Iterator[tuple[str, Iterable[Any]]]:
    """Check 5."""
    history = _history(engine)
    for witness in evidence:
        yield (
            "log differs from history",
            (f"{witness.actor}: {fault}" for fault in _log_faults(witness, history)),
        )


def _log_faults(witness: Testimony, history: dict[str, list[Step]]) -> Iterator[str]:
    """Returns where a log departs from the history: each step must equal the next event, no leap may go back."""
    held: dict[str, int] = {}
    for sight in witness.sights:
        if isinstance(sight, Life):
            held.clear()
        elif isinstance(sight, Leap):
            if not held.get(sight.service, -1) <= sight.revision <= len(history[sight.service]):
                yield f"{sight.service} leapt from {held.get(sight.service)} to {sight.revision}"
            held[sight.service] = sight.revision
        else:
            if sight.revision != held.get(sight.service, -2) + 1:
                yield f"{sight.service}: {sight.revision} came after {held.get(sight.service)}"
            elif sight.revision > len(history[sight.service]):
                yield f"{sight.service}: {sight.revision} never happened"
            elif sight != history[sight.service][sight.revision - 1]:
                yield f"{sight} is not {history[sight.service][sight.revision - 1]}"
            held[sight.service] = sight.revision
    for service, steps in history.items():
        if held.get(service) != len(steps):
            yield f"{service} ends at {held.get(service)}, not at {len(steps)}"


def _history(engine: Engine) -> dict[str, list[Step]]:
    """Returns each line's history in the form of a log."""
    history = {}
    with engine.connect() as connection:
        for code in connection.execute(text("SELECT code FROM services ORDER BY id")).scalars().all():
            query = text("SELECT events_after(:code, 0, 1000000)::text")
            found = connection.execute(query, {"code": code}).scalar_one()
            history[code] = [step_of(event) for event in msgspec.json.decode(found, type=list[QueueEvent])]
    return history
