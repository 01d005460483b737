"""Counts the patients who will be called before a ticket, over all lines that its counters serve. Pure.

The number may be too high, never too low as the lines stand: of several counters the worst is assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from core.line.queue_rules import rank
from core.line.tickets import CounterSummary, Ticket

Rank: TypeAlias = tuple[int, datetime]
_END = datetime.max.replace(tzinfo=UTC)


def tickets_ahead(
    ticket: Ticket, counters: Iterable[CounterSummary], up_to: Callable[[str, Rank], int]
) -> int | None:
    """Number of tickets that are called before a waiting ticket; None if it does not wait or no counter is open for it.

    Args:
        up_to: returns the number of a service's waiting tickets up to a rank.
    """
    serving = _open_for(ticket.service, counters)
    if ticket.position is None or not serving:
        return None
    bounds: dict[str, Rank] = {}
    for counter in serving:
        for service in counter.services:
            bound = _bound(counter, service, ticket)
            bounds[service] = max(bounds.get(service, bound), bound)
    del bounds[ticket.service]
    return ticket.position - 1 + sum(up_to(service, bound) for service, bound in bounds.items())


def waiting_ahead(service: str, counters: Iterable[CounterSummary], waiting: Mapping[str, int]) -> int | None:
    """Number of tickets before a patient who joins this service now; None if no counter is open for it.

    Args:
        waiting: service -> number of waiting tickets.
    """
    serving = _open_for(service, counters)
    if not serving:
        return None
    return sum(waiting.get(code, 0) for code in {code for counter in serving for code in counter.services})


def _open_for(service: str, counters: Iterable[CounterSummary]) -> list[CounterSummary]:
    return [counter for counter in counters if counter.state == "open" and service in counter.services]


def _bound(counter: CounterSummary, service: str, ticket: Ticket) -> Rank:
    """The worst rank in another line of a counter that is still called before the ticket."""
    rank_class, time = rank(ticket)
    if counter.rule != "in_order":
        return rank_class, time
    earlier = counter.services.index(service) < counter.services.index(ticket.service)
    return (rank_class if earlier else rank_class - 1), _END
