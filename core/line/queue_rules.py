"""Explains a place in line to a patient: position, likely wait, order of calls. Pure. SQL decides the order.

The estimate: each ticket ahead takes about the pace of its service, and the open counters share that work, also across
lines that share counters. When every counter is busy, the rest of the running consultations is added; an idle counter
means no wait. The bracket spans about the 25th to the 80th percentile in steps of five minutes, its upper end rounded
up, and is at least one step wide. `inturn-hub simulate` reports its error.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil, floor, sqrt

import msgspec

from core.line.tickets import Ticket, WaitBracket

STEP_SECONDS = 300
USUAL_VARIATION = 0.8
"""Standard deviation of a consultation over its mean, while no measured one exists."""
REMAINDER = 0.7
"""Part of the pace that a running consultation still takes (DECISIONS: How are lines that share counters estimated?)."""
_P25 = -0.674
_P80 = 0.842


class LineWork(msgspec.Struct, frozen=True):
    """The work that waits in a service's line.

    Attributes:
        waiting: number of waiting tickets.
        pace: mean duration of a consultation in seconds.
        spread: standard deviation of that duration in seconds; None: not measured.
    """

    waiting: int
    pace: float
    spread: float | None = None

    @property
    def work(self) -> float:
        """Consultation time of the waiting tickets in seconds."""
        return self.waiting * self.pace

    @property
    def variance(self) -> float:
        """Variance of one consultation in seconds squared."""
        spread = USUAL_VARIATION * self.pace if self.spread is None else self.spread
        return spread * spread


class OpenCounter(msgspec.Struct, frozen=True):
    """An open counter: codes of its services, and the service of the patient there (None: idle)."""

    services: frozenset[str]
    serving: str | None = None


class LineLoad(msgspec.Struct, frozen=True):
    """The work and the counters that determine the wait in one line.

    Attributes:
        line: the line itself.
        counters: number of open counters that serve it; `idle` of them have no patient.
        pool: number of counters that work for it and for the lines that compete for them; may be more or fewer.
        under_way: mean pace of the consultations at its counters in seconds; 0 without any.
        shared_work, shared_variance: of the pool's other lines, in seconds and seconds squared.
    """

    line: LineWork
    counters: int
    idle: int = 0
    pool: int = 1
    under_way: float = 0.0
    shared_work: float = 0.0
    shared_variance: float = 0.0


def line_loads(lines: Mapping[str, LineWork], desks: Sequence[OpenCounter]) -> dict[str, LineLoad]:
    """Returns the load of each line, by service, at the open counters.

    A counter takes the patient who came first. So lines that share counters wait equally long, as long as any of their
    counters serves the slowest line. A line that its own counters finish sooner waits for these counters alone, and
    they count for no other line.
    """
    loads = {service: LineLoad(line, counters=0) for service, line in lines.items()}
    known = frozenset(lines)
    left = [desk.services & known for desk in desks if desk.services & known]
    while left:
        pool = _slowest(_connected(left[0], left), lines, left)
        counters = sum(bool(services & pool) for services in left)
        for service in pool:
            loads[service] = _load(service, pool, counters, lines, desks)
        left = [services for services in left if not services & pool]
    return loads


def calculate_position_and_wait_time(slot: int, head: int, load: LineLoad) -> tuple[int, WaitBracket | None]:
    """Returns the place in line (from 1) of `slot` in a line that starts at `head`, and the likely wait until its call.

    The wait is None while no open counter serves the line. Of the pool's other lines the same share is ahead as of the
    ticket's own line: all for the last ticket, half for the ticket in the middle.
    """
    place = slot - head + 1
    return place, estimated_wait(place - 1, load, place / max(place, load.line.waiting))


def estimated_wait(ahead: int, load: LineLoad, share: float = 1.0) -> WaitBracket | None:
    """Returns the likely wait behind `ahead` tickets and `share` of the pool's other lines; None without a counter."""
    if load.counters < 1:
        return None
    if ahead < load.idle:
        return WaitBracket(0, STEP_SECONDS)
    mean, spread = likely_wait(ahead, load, share)
    low = max(0, floor((mean + _P25 * spread) / STEP_SECONDS) * STEP_SECONDS)
    high = ceil((mean + _P80 * spread) / STEP_SECONDS) * STEP_SECONDS
    return WaitBracket(low, max(high, low + STEP_SECONDS))


def likely_wait(ahead: int, load: LineLoad, share: float = 1.0) -> tuple[float, float]:
    """Returns mean and standard deviation of that wait in seconds. At least one counter must be open."""
    remainder = 0.0 if load.idle else REMAINDER * load.under_way / load.counters
    work = ahead * load.line.pace + share * load.shared_work
    variance = ahead * load.line.variance + share * load.shared_variance
    return work / load.pool + remainder, sqrt(variance / load.pool**2 + remainder**2)


def _load(
    service: str,
    pool: frozenset[str],
    counters: int,
    lines: Mapping[str, LineWork],
    desks: Sequence[OpenCounter],
) -> LineLoad:
    own = [desk.serving for desk in desks if service in desk.services]
    paces = [lines[serving].pace for serving in own if serving is not None and serving in lines]
    others = [lines[other] for other in pool if other != service]
    return LineLoad(
        line=lines[service],
        counters=len(own),
        idle=own.count(None),
        pool=counters,
        under_way=sum(paces) / len(paces) if paces else 0.0,
        shared_work=sum(line.work for line in others),
        shared_variance=sum(line.waiting * line.variance for line in others),
    )


def _connected(group: frozenset[str], counters: Sequence[frozenset[str]]) -> frozenset[str]:
    """Returns the group with every line that shared counters connect to it, directly or through other lines."""
    grown = group.union(*(services for services in counters if services & group))
    return group if grown == group else _connected(grown, counters)


def _slowest(
    group: frozenset[str], lines: Mapping[str, LineWork], counters: Sequence[frozenset[str]]
) -> frozenset[str]:
    """Returns the group without the lines that their own counters finish sooner than the rest."""
    helping = [services & group for services in counters if services & group]
    pace = sum(lines[name].work for name in group) / len(helping)
    for apart in sorted(set(helping) - {group}, key=lambda services: (len(services), sorted(services))):
        alone = sum(services <= apart for services in helping)
        if sum(lines[name].work for name in apart) < alone * pace:
            return _slowest(group - apart, lines, counters)
    return group


def rank(ticket: Ticket) -> tuple[int, datetime]:
    """Returns the sort key of a ticket in its line: the hub's class, then time; the smallest is called first."""
    if ticket.rank_class is None or ticket.rank_time is None:
        return ("high", "medium", "low").index(ticket.priority), ticket.joined_at
    return ticket.rank_class, ticket.rank_time


def calling_order(lines: Iterable[Iterable[Ticket]], in_order: bool) -> Iterator[Ticket]:
    """Merges the lines of a counter in the order of its calls: of the heads the best class, then the earliest time.

    With the counter's rule "in_order" the order of `lines` comes between the two. Each line keeps its own order.
    """

    def keyed(place: int, line: Iterable[Ticket]) -> Iterator[tuple[tuple[int, int, datetime], Ticket]]:
        for ticket in line:
            rank_class, time = rank(ticket)
            yield (rank_class, place if in_order else 0, time), ticket

    keyed_lines = (keyed(place, line) for place, line in enumerate(lines))
    return (ticket for _, ticket in heapq.merge(*keyed_lines, key=lambda pair: pair[0]))
