"""Limits the concurrent operations on one line, before they take a database connection.

An operation locks its line's row. Without a limit, operations on one line would wait for that lock while each holds one
of the hub's few connections. If another program held the lock, they would soon hold all connections, and every other
line would wait, too. So an operation first waits here for a turn at its lines.

The limit serves fairness and speed only. The database's locks keep the line correct, so the guess which lines an
operation touches may be wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager

from core.line.tickets import Ticket
from server.database.errors import busy
from server.timings import USUAL

OPERATIONS_AT_ONCE = 2
"""Concurrent operations on one line: the second is sent while the first commits (DECISIONS: Who waits for a line that is
busy?).
"""
REMEMBERED_TICKETS = 20_000
"""Tickets whose line is remembered; the longest unseen is dropped first."""
UNKNOWN = ""
"""Stands for the line of tickets whose line is not remembered."""


class _LineTurn:
    """Semaphore of one line, and the number of operations that hold or await it."""

    def __init__(self, width: int) -> None:
        self.semaphore = asyncio.Semaphore(width)
        self.operations = 0


class LineTurns:
    """The turns at every line, and the line where each ticket was last seen.

    Args:
        seconds: longest wait for the turns of one operation; then it is refused as `unavailable`.
        width: concurrent operations on one line.
        tickets: number of tickets whose line is remembered.
    """

    def __init__(
        self,
        seconds: float = USUAL.line,
        *,
        width: int = OPERATIONS_AT_ONCE,
        tickets: int = REMEMBERED_TICKETS,
    ) -> None:
        self._seconds = seconds
        self._width = width
        self._turns: dict[str, _LineTurn] = {}
        self._tickets: dict[str, str] = {}
        self._most_tickets = tickets

    @property
    def operations(self) -> dict[str, int]:
        """Service code -> number of operations that hold or await a turn; lines without any are left out."""
        return {service: turn.operations for service, turn in self._turns.items()}

    @asynccontextmanager
    async def turn(self, services: Collection[str]) -> AsyncIterator[None]:
        """Holds a turn at each of these lines. Raises Unavailable if one is not free within `seconds`.

        Turns are taken in sorted order: two operations on the same two lines would otherwise deadlock.
        """
        wanted = sorted(set(services))
        held: dict[str, _LineTurn] = {}
        try:
            try:
                async with asyncio.timeout(self._seconds):
                    for service in wanted:
                        held[service] = await self._take(service)
            except TimeoutError:
                raise busy() from None
            yield
        finally:
            for service, turn in held.items():
                turn.semaphore.release()
                self._leave(service, turn)

    def remember(self, tickets: Iterable[Ticket | None]) -> None:
        """Remembers the line of each ticket."""
        for ticket in tickets:
            if ticket is not None:
                self._tickets.pop(ticket.id, None)
                self._tickets[ticket.id] = ticket.service
        while len(self._tickets) > self._most_tickets:
            del self._tickets[next(iter(self._tickets))]

    def line_of(self, ticket: str) -> str:
        """Service code of the line where a ticket was last seen, or `UNKNOWN`."""
        return self._tickets.get(ticket, UNKNOWN)

    async def _take(self, service: str) -> _LineTurn:
        turn = self._turns.setdefault(service, _LineTurn(self._width))
        turn.operations += 1
        try:
            await turn.semaphore.acquire()
        except BaseException:
            self._leave(service, turn)
            raise
        return turn

    def _leave(self, service: str, turn: _LineTurn) -> None:
        turn.operations -= 1
        if not turn.operations:
            del self._turns[service]
