"""Converts the earlier version's rows: values in, values out, and a sentence for every repair.

No sentence and no note contains a patient's name: the rows are read without names.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from core.line.tickets import Priority, Status
from server.schema.legacy.database import ISSUED_BY, OldService, OldTicket
from server.schema.legacy.numbers import Line, Number, Numbered, assign_numbers, choose_prefixes, read_number

RECOVERED = "Recovered"
"""Name of the service for tickets of missing services; with a number, name of a counter for an open consultation."""
_RECOVERED_CODE = "recovered"
_USUAL_PACE = 10
_LONGEST_PACE = 24 * 60
"""Minutes."""
_LONGEST_SHOWN = 60
_PRIORITIES = get_args(Priority)
_OVER = ("completed", "no_show", "cancelled")


@dataclass(frozen=True)
class NewService:
    """A service to create. `tickets`: rows for `import_tickets` in the order of their events; `counter` holds a code."""

    code: str
    name: str
    prefix: str
    pace_seconds: int
    state: str
    tickets: list[dict[str, Any]]


@dataclass(frozen=True)
class NewCounter:
    """A counter to create. `service`: code of the only service that it serves."""

    code: str
    name: str
    service: str


@dataclass(frozen=True)
class Plan:
    """The services and counters to create, and a sentence for every repair."""

    services: list[NewService]
    counters: list[NewCounter]
    repairs: list[str]


@dataclass
class _Mending:
    """A ticket under repair: its new row, notes for staff, and sentences for the report."""

    old: OldTicket
    row: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        return str(self.row["status"])


def make_plan(services: Sequence[OldService], tickets: Sequence[OldTicket], now: datetime) -> Plan:
    """Plans the import of the old rows; `tickets` are in the order in which they wait."""
    lines: list[Line] = [service.id for service in services]
    names: dict[Line, str] = {service.id: service.name or "" for service in services}
    if any(ticket.line is None for ticket in tickets):
        lines.append(None)
        names[None] = RECOVERED
    arrivals = sorted(tickets, key=lambda t: (t.created_at is None, t.created_at or now, t.id))
    numbered = [Numbered(t.id, t.line, t.day, read_number(t.number)) for t in arrivals]
    prefixes = choose_prefixes(numbered, names)
    mended = [_mend(old, now) for old in tickets]
    _give_numbers(mended, assign_numbers(numbered, prefixes))
    codes = prefixes | {None: _RECOVERED_CODE}
    counters = _assign_counters(mended, codes)
    in_line: dict[Line, list[_Mending]] = {line: [] for line in lines}
    for ticket in mended:
        in_line[ticket.old.line].append(ticket)
    repairs: list[str] = []
    made = [_service(old, prefixes[old.id], _in_order(in_line[old.id]), repairs) for old in services]
    if None in in_line:
        rows = _in_order(in_line[None])
        made.append(NewService(_RECOVERED_CODE, RECOVERED, prefixes[None], _USUAL_PACE * 60, "closed", rows))
    for ticket in sorted(mended, key=lambda m: m.old.id):
        subject = f"ticket {ticket.old.id} ({shown(ticket.old.number, 'no number')})"
        repairs += [f"{subject}: {repair}" for repair in ticket.repairs]
        ticket.row["note"] = " ".join(ticket.notes) or None
    return Plan(made, counters, repairs)


def shown(value: str | None, missing: str = "none") -> str:
    """An old value for the report: at most one short line, with unprintable characters escaped."""
    if value is None or not value.strip():
        return missing if value is None else repr(value)
    plain = value if value.isprintable() and value == value.strip() else repr(value)
    return plain if len(plain) <= _LONGEST_SHOWN else plain[:_LONGEST_SHOWN] + "…"


def _service(old: OldService, prefix: str, tickets: list[dict[str, Any]], repairs: list[str]) -> NewService:
    name = old.name if old.name and old.name.strip() else f"Service {old.id}"
    pace = old.pace if old.pace is not None and 0 < old.pace <= _LONGEST_PACE else _USUAL_PACE
    subject = f"service {old.id} ({name if name.isprintable() else repr(name)})"
    if name != old.name:
        repairs.append(f"{subject}: name {shown(old.name)}, now {shown(name)}")
    if old.is_active is None:
        repairs.append(f"{subject}: neither active nor not, now closed")
    if pace != old.pace:
        was = "no time" if old.pace is None else f"{old.pace} minutes"
        repairs.append(f"{subject}: {was} for a patient, now {pace} minutes")
    state = "open" if old.is_active else "closed"
    return NewService(prefix, name, prefix, pace * 60, state, tickets)


def _mend(old: OldTicket, now: datetime) -> _Mending:
    ticket = _Mending(
        old, {"issued_by": f"{ISSUED_BY}{old.id}", "needs": [], "calls": int(bool(old.called_at))}
    )
    if old.line is None:
        was = "no service" if old.service_id is None else f"service {old.service_id} is missing"
        ticket.repairs.append(f"{was}, now in {RECOVERED}")
    _mend_words(ticket)
    _mend_times(ticket, now)
    return ticket


def _mend_words(ticket: _Mending) -> None:
    """Normalises priority and status: case and surrounding space are ignored."""
    old = ticket.old
    priority, status = ((word or "").strip().lower() for word in (old.priority, old.status))
    ticket.row["priority"] = priority if priority in _PRIORITIES else "medium"
    ticket.row["status"] = status if status in get_args(Status) else "cancelled"
    for what, was in (("priority", old.priority), ("status", old.status)):
        if was != ticket.row[what]:
            ticket.repairs.append(f"{what} {shown(was)}, now {ticket.row[what]}")
    if status not in get_args(Status):
        ticket.notes.append(f"Status was “{old.status}”." if old.status else "It had no status.")


def _mend_times(ticket: _Mending, now: datetime) -> None:
    """Sets the times of creation, call and end that the status needs: in this order, none in the future.

    `started_at`, from which paces are computed, is set only if both ends of a consultation are known.
    """
    old, row = ticket.old, ticket.row
    before = len(ticket.repairs)
    if old.created_at != old.joined_at:
        was = "no time of creation" if old.created_at is None else "created at an impossible time"
        ticket.repairs.append(f"{was}, now {_moment_text(old.joined_at, now)}")
    called = _between(ticket, "called", old.called_at, old.joined_at, now)
    if called is None and ticket.status == "consulting":
        ticket.repairs.append(f"consulting without a call, now called {_moment_text(old.joined_at, now)}")
        called, row["calls"] = old.joined_at, 1
    ended = _end(ticket, called or old.joined_at, now)
    exact = len(ticket.repairs) == before and ticket.status in _OVER
    row["started_at"] = called if exact or ticket.status == "consulting" else None
    row |= {"joined_at": old.joined_at, "called_at": called, "ended_at": ended}
    if called is None and ticket.status == "completed":
        ticket.repairs.append("completed without a call, now marked as completed by the system")
        ticket.notes.append("Completed by the system.")


def _end(ticket: _Mending, earliest: datetime, now: datetime) -> datetime | None:
    completed = ticket.old.completed_at
    if ticket.status not in _OVER:
        if completed is not None:
            ticket.repairs.append(f"{ticket.status} with a time of completion, now without")
        return None
    if completed is None:
        ticket.repairs.append(f"{ticket.status} without a time, now {_moment_text(earliest, now)}")
        return earliest
    return _between(ticket, "ended", completed, earliest, now)


def _between(
    ticket: _Mending, what: str, at: datetime | None, earliest: datetime, now: datetime
) -> datetime | None:
    if at is None or earliest <= at <= now:
        return at
    was = "before what came before it" if at < earliest else "in the future"
    at = earliest if at < earliest else now
    ticket.repairs.append(f"{what} {was}, now {_moment_text(at, now)}")
    return at


def _moment_text(at: datetime, now: datetime) -> str:
    # `now` differs between a dry run and the upgrade, whose reports must be equal.
    return "at the time of this upgrade" if at == now else f"at {at:%Y-%m-%d %H:%M:%S} UTC"


def _give_numbers(tickets: Sequence[_Mending], numbers: Mapping[int, Number]) -> None:
    held = {(t.old.day, numbers[t.old.id].text) for t in tickets}
    for ticket in tickets:
        old, number = ticket.old, numbers[ticket.old.id]
        ticket.row |= {"number": number.text, "number_value": number.value}
        if old.number == number.text:
            continue
        read = read_number(old.number)
        twice = read is not None and read != number and (old.day, read.text) in held
        why = " is another ticket's that day" if twice else ""
        ticket.repairs.append(f"number {shown(old.number)}{why}, now {number.text}")
        if old.number and old.number.strip():
            ticket.notes.append(f"Number was {old.number.strip()}.")


def _assign_counters(tickets: Sequence[_Mending], codes: Mapping[Line, str]) -> list[NewCounter]:
    """Creates a counter for each open consultation, in the order of the calls."""
    open_ones = [ticket for ticket in tickets if ticket.status == "consulting"]
    counters = []
    for place, ticket in enumerate(sorted(open_ones, key=lambda m: (m.row["called_at"], m.old.id)), start=1):
        counter = NewCounter(f"{_RECOVERED_CODE}-{place}", f"{RECOVERED} {place}", codes[ticket.old.line])
        ticket.row["counter"] = counter.code
        ticket.repairs.append(f"consulting at no counter, now at {counter.name}")
        counters.append(counter)
    return counters


def _in_order(tickets: Sequence[_Mending]) -> list[dict[str, Any]]:
    """A line's rows in the order of their import: ended tickets, open tickets, then waiting tickets by place."""
    waiting = [ticket for ticket in tickets if ticket.status == "waiting"]
    for place, ticket in enumerate(waiting, start=1):
        was = ticket.old.position
        if was != place:
            ticket.repairs.append(
                f"{'no position' if was is None else f'position {was}'}, now {place} in its line"
            )
    keys = [(_PRIORITIES.index(t.row["priority"]), t.old.joined_at) for t in waiting]
    for index, neighbour in placed_by_hand(keys).items():
        other = waiting[neighbour]
        waiting[index].row["ranks_as"] = {
            "priority": other.row["priority"],
            "joined_at": other.old.joined_at,
        }
    others = sorted(
        (t for t in tickets if t.status != "waiting"),
        key=lambda t: (t.status not in _OVER, t.old.joined_at, t.old.id),
    )
    return [ticket.row for ticket in (*others, *waiting)]


def placed_by_hand(keys: Sequence[Any]) -> dict[int, int]:
    """The fewest tickets that are out of order by their keys: index -> index of the neighbour whose key fits there.

    The other tickets are the longest subsequence with keys that never decrease.
    """
    ends: list[Any] = []  # by length: the smallest last key of such a subsequence; `last` has its index
    last: list[int] = []
    before: list[int | None] = []
    for index, key in enumerate(keys):
        length = bisect_right(ends, key)
        ends[length : length + 1] = [key]
        last[length : length + 1] = [index]
        before.append(last[length - 1] if length else None)
    kept = []
    at: int | None = last[-1] if last else None
    while at is not None:
        kept.append(at)
        at = before[at]
    kept.reverse()
    return {
        index: kept[max(0, bisect_right(kept, index) - 1)]
        for index in sorted(set(range(len(keys))) - set(kept))
    }
