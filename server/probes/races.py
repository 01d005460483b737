"""`inturn-hub check races`: many clients join and call at once; then the database is counted.

The race conditions of the program that InTurn replaces would show here: two patients in one place, a number given
twice, a patient called twice, a consultation that nobody completed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass, field
from statistics import quantiles
from time import perf_counter
from typing import TypeVar

from sqlalchemy import Engine, text

from core.errors import QueueEmpty
from core.hub_client import HubClient
from core.session import PersonCredentials
from core.tickets import Priority
from server import administration
from server.database import administration_engine
from server.probes.scratch_hub import hub_process, scratch_database

PRIORITIES: tuple[Priority, ...] = ("high", "medium", "low", "medium")
PASSWORD = "only for this check"
T = TypeVar("T")

CHECKS = {
    "numbers given twice": "SELECT count(*) - count(DISTINCT number) FROM tickets",
    "tickets lost or doubled": "SELECT abs(count(*) - :tickets) FROM tickets",
    "patients never called": "SELECT count(*) FROM tickets WHERE calls = 0",
    "patients called twice": "SELECT count(*) FROM (SELECT FROM queue_events WHERE kind = 'called' "
    "GROUP BY ticket_id HAVING count(*) > 1) twice",
    "consultations not ended by a person": "SELECT count(*) FROM tickets t WHERE status = 'completed' AND NOT EXISTS "
    "(SELECT FROM queue_events e WHERE e.ticket_id = t.id AND kind = 'completed' AND actor LIKE 'user:%')",
    "two patients in one place": "SELECT count(*) FROM (SELECT FROM queue_events WHERE kind = 'joined' AND "
    "(ticket ->> 'position')::bigint > waiting) wrong",
    "lines with gaps": "SELECT count(*) FROM services s, validate_queue_integrity(s.id) v "
    "WHERE cardinality(missing_positions) + cardinality(duplicate_positions) > 0",
    "revisions skipped": "SELECT count(*) FROM services s WHERE revision <> "
    "(SELECT count(*) FROM queue_events e WHERE e.service_id = s.id)",
    "history broken": "SELECT count(*) FROM broken_links()",
}


@dataclass
class Timings:
    """How long each request of one kind took, in seconds."""

    seconds: list[float] = field(default_factory=list)

    async def measure(self, request: Awaitable[T]) -> T:
        """Awaits a request and notes its time."""
        started = perf_counter()
        result = await request
        self.seconds.append(perf_counter() - started)
        return result

    def __str__(self) -> str:
        percentiles = quantiles(self.seconds, n=100)
        return (
            f"{len(self.seconds)}, p50 {percentiles[49] * 1000:.1f} ms, p99 {percentiles[98] * 1000:.1f} ms"
        )


@dataclass
class RaceReport:
    """What came out.

    Attributes:
        span: seconds that all of it took.
        violations: what was wrong, with its count; empty for a sound hub.
    """

    clients: int
    tickets: int
    joins: Timings = field(default_factory=Timings)
    calls: Timings = field(default_factory=Timings)
    span: float = 0.0
    violations: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        verdict = ", ".join(f"{count} {what}" for what, count in self.violations.items())
        return (
            f"{self.clients} clients, {self.tickets} tickets, {self.tickets / self.span:.0f} tickets/s from join to end\n"
            f"joins: {self.joins}\ncalls: {self.calls}\n"
            f"{'VIOLATIONS: ' + verdict if verdict else 'No violation found.'}"
        )


def hammer_scratch_database(url: str, clients: int, tickets: int) -> RaceReport:
    """Hammers a hub of its own on a scratch database of the same server. Raises SetupError."""
    with scratch_database(url) as scratch:
        engine = administration_engine(scratch)
        _furnish(engine, clients)
        with hub_process(scratch) as hub:
            report = asyncio.run(hammer(hub, clients, tickets))
        report.violations = _count_violations(engine, tickets)
        engine.dispose()
    return report


async def hammer(hub: str, clients: int, tickets: int) -> RaceReport:
    """Half of every client's share is joined first; the other half while everybody calls, until nobody waits."""
    report = RaceReport(clients, tickets)
    shares = [len(range(client, tickets, clients)) for client in range(clients)]
    staff = [HubClient(hub, PersonCredentials("probe", PASSWORD), follow=False) for _ in shares]
    for client in staff:
        client.start()
    await asyncio.gather(*(client.live() for client in staff))
    started = perf_counter()
    await asyncio.gather(*(_join(c, (n + 1) // 2, report.joins) for c, n in zip(staff, shares, strict=True)))
    both = [_join(c, n // 2, report.joins) for c, n in zip(staff, shares, strict=True)]
    await asyncio.gather(*both, *(_call_all(c, f"R{n}", report.calls) for n, c in enumerate(staff)))
    await asyncio.gather(*(_call_all(c, f"R{n}", report.calls) for n, c in enumerate(staff)))
    report.span = perf_counter() - started
    await asyncio.gather(*(client.aclose() for client in staff))
    return report


async def _join(client: HubClient, share: int, timings: Timings) -> None:
    for number in range(share):
        await timings.measure(client.join_queue("A", PRIORITIES[number % len(PRIORITIES)]))


async def _call_all(client: HubClient, counter: str, timings: Timings) -> None:
    """Calls until nobody waits, completing each patient with the next call."""
    with contextlib.suppress(QueueEmpty):
        called = await timings.measure(client.call_next_patient(counter))
        while called.ticket is not None:
            called = await timings.measure(client.call_next_patient(counter, complete=called.ticket.id))


def _furnish(engine: Engine, clients: int) -> None:
    administration.add_service(engine, "A", "Race", None)
    for number in range(clients):
        administration.add_counter(engine, f"R{number}", f"Counter {number}", ["A"])
    administration.add_user(engine, "probe", "supervisor", PASSWORD)


def _count_violations(engine: Engine, tickets: int) -> dict[str, int]:
    with engine.connect() as connection:
        counts = {
            what: connection.execute(text(query), {"tickets": tickets}).scalar_one()
            for what, query in CHECKS.items()
        }
    return {what: count for what, count in counts.items() if count}
