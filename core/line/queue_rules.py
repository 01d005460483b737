"""What a place in line means for a patient. Pure: SQL decides the order, this explains it.

The estimate: everybody ahead needs about their service's pace, and the open counters share that work, also where several
lines share counters. Where every counter is busy, the rest of what goes on there comes on top; an idle one means no
wait. The bracket spans about the 25th to the 80th percentile in steps of five minutes, its upper end rounded up, and
never names a single minute. `inturn-hub simulate` shows how it does.
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
"""The spread of consultations over their mean, where it was not measured yet."""
REMAINDER = 0.7
"""Of a consultation that goes on, this part of the pace is still to come. Between 0.5 and 1 the simulated error changes
by less than a tenth; at 0.7 estimates are on average neither too long nor too short."""
_P25 = -0.674
_P80 = 0.842


class LineWork(msgspec.Struct, frozen=True):
    """A service's line.

    Attributes:
        waiting: how many wait.
        pace: seconds that a consultation takes on average.
        spread: by how many seconds consultations deviate from it (standard deviation); None: not measured.
    """

    waiting: int
    pace: float
    spread: float | None = None

    @property
    def work(self) -> float:
        """Seconds of consultation that wait."""
        return self.waiting * self.pace

    @property
    def variance(self) -> float:
        """Of one consultation, in seconds squared."""
        spread = USUAL_VARIATION * self.pace if self.spread is None else self.spread
        return spread * spread


class OpenCounter(msgspec.Struct, frozen=True):
    """An open counter: the services it serves, and the service of the patient who is there (None: idle)."""

    services: frozenset[str]
    serving: str | None = None


class LineLoad(msgspec.Struct, frozen=True):
    """What stands between a line's patients and their turn.

    Attributes:
        line: the line itself.
        counters: open ones that serve it; `idle` of them have no patient.
        pool: counters that work for it and for the lines that wait for the same ones; may be more or fewer.
        under_way: mean pace of the consultations at its own counters, in seconds; 0 without any.
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
    """The load of each line (by service) at the open counters.

    A counter takes who came first, so lines that share counters wait equally long, as long as any of their counters
    can help the slowest. A line that its own counters finish sooner waits for these alone, and they help nobody else.
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
    """The place in line (from 1) of `slot` in a line that starts at `head`, and the likely wait until it is called.

    No estimate when no counter that serves the line is open: nobody can say. Of the lines beside it the same part is
    ahead as of its own: all for the last, half for the one in the middle.
    """
    place = slot - head + 1
    return place, estimated_wait(place - 1, load, place / max(place, load.line.waiting))


def estimated_wait(ahead: int, load: LineLoad, share: float = 1.0) -> WaitBracket | None:
    """The likely wait behind `ahead` people of the line and `share` of the lines beside it; None without a counter."""
    if load.counters < 1:
        return None
    if ahead < load.idle:
        return WaitBracket(0, STEP_SECONDS)
    mean, spread = likely_wait(ahead, load, share)
    low = max(0, floor((mean + _P25 * spread) / STEP_SECONDS) * STEP_SECONDS)
    high = ceil((mean + _P80 * spread) / STEP_SECONDS) * STEP_SECONDS
    return WaitBracket(low, max(high, low + STEP_SECONDS))


def likely_wait(ahead: int, load: LineLoad, share: float = 1.0) -> tuple[float, float]:
    """The mean and the standard deviation of that wait, in seconds; at least one counter must be open."""
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
    """Those lines, the lines that share a counter with one of them, and so on."""
    grown = group.union(*(services for services in counters if services & group))
    return group if grown == group else _connected(grown, counters)


def _slowest(
    group: frozenset[str], lines: Mapping[str, LineWork], counters: Sequence[frozenset[str]]
) -> frozenset[str]:
    """A group without the lines that counters of their own finish sooner than the rest is finished."""
    helping = [services & group for services in counters if services & group]
    pace = sum(lines[name].work for name in group) / len(helping)
    for apart in sorted(set(helping) - {group}, key=lambda services: (len(services), sorted(services))):
        alone = sum(services <= apart for services in helping)
        if sum(lines[name].work for name in apart) < alone * pace:
            return _slowest(group - apart, lines, counters)
    return group


def rank(ticket: Ticket) -> tuple[int, datetime]:
    """What its line is sorted by: class, then time, as the hub tells it; the smaller is called first."""
    if ticket.rank_class is None or ticket.rank_time is None:
        return ("high", "medium", "low").index(ticket.priority), ticket.joined_at
    return ticket.rank_class, ticket.rank_time


def calling_order(lines: Iterable[Iterable[Ticket]], in_order: bool) -> Iterator[Ticket]:
    """The lines of a counter as calls will take them: of those at the heads the best class, then who ranks first.

    With the counter's rule "in_order" the lines' own order comes between the two. Each line keeps its order.
    """

    def heads(place: int, line: Iterable[Ticket]) -> Iterator[tuple[tuple[int, int, datetime], Ticket]]:
        for ticket in line:
            rank_class, time = rank(ticket)
            yield (rank_class, place if in_order else 0, time), ticket

    merged = heapq.merge(*(heads(*each) for each in enumerate(lines)), key=lambda head: head[0])
    return (ticket for _, ticket in merged)
