"""`inturn-hub check races`: many clients send every operation concurrently; then violations in the database are counted.

It would find the race conditions of the program that InTurn replaces: two patients in one place, a number issued twice, a
patient called twice, a consultation that is never completed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from typing import TypeVar

from sqlalchemy import Engine

from core.client.hub_client import HubClient
from core.errors import HubError, Refusal
from core.line.tickets import Priority, Ticket
from core.wire.session import PersonCredentials
from server.administration import people_and_devices
from server.checks.scratch_hub import hub_process, scratch_database
from server.checks.violations import count_violations
from server.schema.engine import administration_engine

SERVICES = ("A", "B")
PRIORITIES: tuple[Priority, ...] = ("high", "medium", "low", "medium")
PASSWORD = "only for this check"
T = TypeVar("T")


@dataclass
class RaceReport:
    """The result of one run.

    Attributes:
        clients: number of clients. tickets: number of tickets to issue.
        seconds: operation -> duration of each request, answered or refused.
        refused: operation -> number of requests that the line's rules refused.
        span: seconds of the whole run.
        violations: fault -> count; empty for a sound hub.
    """

    clients: int
    tickets: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    span: float = 0.0
    violations: Counter[str] = field(default_factory=Counter)

    async def measure(self, operation: str, request: Awaitable[T]) -> T | None:
        """Awaits a request and records its duration. Returns None if it is refused; another error is a violation."""
        started = perf_counter()
        try:
            return await request
        except Refusal:
            self.refused[operation] += 1
        except HubError as error:
            self.violations[f"error {error.reason} at {operation}"] += 1
        finally:
            self.seconds.setdefault(operation, []).append(perf_counter() - started)
        return None

    def __str__(self) -> str:
        requests = sum(map(len, self.seconds.values()))
        verdict = ", ".join(f"{count} {what}" for what, count in self.violations.items())
        return "\n".join(
            (
                f"{self.clients} clients, {self.tickets} tickets, "
                f"{self.tickets / self.span:.0f} tickets/s from join to end, {requests / self.span:.0f} requests/s",
                *(self._line(operation) for operation in self.seconds),
                f"VIOLATIONS: {verdict}" if verdict else "No violation found.",
            )
        )

    def _line(self, operation: str) -> str:
        times = sorted(self.seconds[operation])
        p50, p99 = (1000 * times[int(part * (len(times) - 1))] for part in (0.5, 0.99))
        return f"{operation:12} {len(times):6}  refused {self.refused[operation]:5}  p50 {p50:7.1f} ms  p99 {p99:7.1f} ms"


def hammer_scratch_database(url: str, clients: int, tickets: int) -> RaceReport:
    """Runs `hammer` on a new hub with a scratch database on the same server. Raises SetupError."""
    with scratch_database(url) as scratch:
        engine = administration_engine(scratch)
        _furnish(engine, clients)
        with hub_process(scratch) as hub:
            report = asyncio.run(hammer(hub, clients, tickets))
        report.violations.update(count_violations(engine))
        engine.dispose()
    return report


async def hammer(hub: str, clients: int, tickets: int) -> RaceReport:
    """Every client joins its share of the tickets amid other operations; then all clients call until no patient waits."""
    report = RaceReport(clients, tickets)
    accounts = (PersonCredentials(f"probe {number}", PASSWORD) for number in range(clients))
    people = [HubClient(hub, account, follow=False) for account in accounts]
    for client in people:
        client.start()
    await asyncio.gather(*(client.live() for client in people))
    joined: list[str] = []
    pressers = [_Presser(client, number, report, joined) for number, client in enumerate(people)]
    started = perf_counter()
    shares = (len(range(number, tickets, clients)) for number in range(clients))
    await asyncio.gather(*(presser.work(share) for presser, share in zip(pressers, shares, strict=True)))
    await asyncio.gather(*(presser.unpark_all(joined[n::clients]) for n, presser in enumerate(pressers)))
    await asyncio.gather(*(presser.serve_all() for presser in pressers))
    report.span = perf_counter() - started
    report.violations.update(await _left_behind(people[0], joined, tickets))
    await asyncio.gather(*(client.aclose() for client in people))
    return report


async def _left_behind(client: HubClient, joined: list[str], tickets: int) -> Counter[str]:
    states = Counter([(await client.get_ticket(ticket)).status for ticket in joined])
    left = states["waiting"] + states["parked"] + states["consulting"]
    wrong = {"patients never served": left, "joins not acknowledged": tickets - len(joined)}
    return Counter({what: count for what, count in wrong.items() if count})


class _Presser:
    """One member of staff at one counter, who presses buttons without a pause."""

    def __init__(self, client: HubClient, number: int, report: RaceReport, joined: list[str]) -> None:
        self._client = client
        self._counter = f"R{number}"
        self._report = report
        self._joined = joined
        self._random = Random(number)
        self._patient: str | None = None

    async def work(self, share: int) -> None:
        """Joins `share` tickets; after each of the second half sends two other operations and calls the next patient."""
        buttons = self._buttons()
        for number in range(share):
            priority = PRIORITIES[number % len(PRIORITIES)]
            ticket = await self._press(
                "join", self._client.join_queue(self._random.choice(SERVICES), priority)
            )
            if ticket is not None:
                self._joined.append(ticket.id)
            if number >= share // 2:
                for operation in self._random.sample(sorted(buttons), 2):
                    await self._press(operation, buttons[operation]())
                await self._call_next()

    async def unpark_all(self, tickets: list[str]) -> None:
        """Puts those of the tickets that are parked back into their lines."""
        for ticket in tickets:
            if (await self._client.get_ticket(ticket)).status == "parked":
                await self._press("unpark", self._client.unpark(ticket))

    async def serve_all(self) -> None:
        """Calls until no patient waits; each call completes the patient before."""
        await self._call_next()
        while self._patient is not None:
            await self._call_next()

    async def _call_next(self) -> None:
        if not await self._is_here(self._patient):
            self._patient = None
        request = self._client.call_next_patient(self._counter, complete=self._patient)
        called = await self._report.measure("call next", request)
        self._patient = called.ticket.id if called and called.ticket else None

    async def _press(self, operation: str, request: Awaitable[T]) -> T | None:
        result = await self._report.measure(operation, request)
        if isinstance(result, Ticket) and await self._is_here(result.id):
            self._patient = result.id
        return result

    async def _is_here(self, ticket: str | None) -> bool:
        """Whether a patient is at this counter now; another client may have moved the ticket meanwhile."""
        now = await self._client.get_ticket(ticket) if ticket else None
        return now is not None and now.status == "consulting" and now.counter == self._counter

    def _any_ticket(self) -> str:
        return self._random.choice(self._joined)

    def _buttons(self) -> dict[str, Callable[[], Awaitable[object]]]:
        client, random, ticket = self._client, self._random, self._any_ticket
        return {
            "call": lambda: client.call_patient(ticket(), self._counter),
            "recall": lambda: client.recall(self._patient or ticket()),
            "complete": lambda: client.complete(self._patient or ticket()),
            "no-show": lambda: client.no_show(self._patient or ticket()),
            "park": lambda: client.park(ticket()),
            "unpark": lambda: client.unpark(ticket(), "first"),
            "transfer": lambda: client.transfer(ticket(), random.choice(SERVICES), "last"),
            "priority": lambda: client.set_priority(ticket(), random.choice(PRIORITIES)),
            "move": lambda: client.move(ticket(), random.randint(1, 20)),
            "cancel": lambda: client.cancel(ticket()),
            "undo": client.undo,
        }


def _furnish(engine: Engine, clients: int) -> None:
    for code in SERVICES:
        people_and_devices.add_service(engine, code, f"Race {code}", None)
    for number in range(clients):
        order = SERVICES if number % 2 else SERVICES[::-1]
        people_and_devices.add_counter(engine, f"R{number}", f"Counter {number}", list(order))
        people_and_devices.add_user(engine, f"probe {number}", "supervisor", PASSWORD)
