"""Turns at the lines of patients, taken before a connection to the database is.

An operation locks its line's row. Many at once on one line would only wait for each other there, each with one of the
hub's few connections; and a line that somebody else has locked would soon have them all. So whoever wants to change a
line waits here for a turn. This is about fairness and speed alone: that nothing goes wrong is for the database's own
locks to see to, and so a guess about which lines an operation touches may be wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager

from core.line.tickets import Ticket
from server.database.errors import busy
from server.timings import USUAL

WIDTH = 2
"""Operations on one line at a time: while one is committed the next is on its way. With one at a time a crowd on one line
is some 15 % slower; with eight it is not faster, but one in a hundred waits half as long again.
"""
TICKETS = 20_000
UNKNOWN = ""
"""The line of tickets whose line is not known here."""


class _LineTurn:
    """Semaphore of one line, and the number of operations that hold or await it."""

    def __init__(self, width: int) -> None:
        self.semaphore = asyncio.Semaphore(width)
        self.people = 0


class LineTurns:
    """Who is at which line; and which line a ticket was last seen in."""

    def __init__(self, seconds: float = USUAL.line, *, width: int = WIDTH, tickets: int = TICKETS) -> None:
        """`seconds`: how long an operation waits for its turn."""
        self._seconds = seconds
        self._width = width
        self._turns: dict[str, _LineTurn] = {}
        self._tickets: dict[str, str] = {}
        self._most_tickets = tickets

    @property
    def waiting(self) -> dict[str, int]:
        """How many have their turn or wait for it, at each line where anybody does."""
        return {service: turn.people for service, turn in self._turns.items()}

    @asynccontextmanager
    async def turn(self, services: Collection[str]) -> AsyncIterator[None]:
        """One's turn at each of these lines. Raises Unavailable when it does not come in time.

        Everybody takes them in the same order, so that nobody waits for somebody who waits for them.
        """
        wanted = sorted(set(services))
        had: dict[str, _LineTurn] = {}
        try:
            try:
                async with asyncio.timeout(self._seconds):
                    for service in wanted:
                        had[service] = await self._take(service)
            except TimeoutError:
                raise busy() from None
            yield
        finally:
            for service, turn in had.items():
                turn.semaphore.release()
                self._leave(service, turn)

    def remember(self, tickets: Iterable[Ticket | None]) -> None:
        """Where these tickets are now."""
        for ticket in tickets:
            if ticket is not None:
                self._tickets.pop(ticket.id, None)
                self._tickets[ticket.id] = ticket.service
        while len(self._tickets) > self._most_tickets:
            del self._tickets[next(iter(self._tickets))]

    def line_of(self, ticket: str) -> str:
        """The service of the line that a ticket was last seen in."""
        return self._tickets.get(ticket, UNKNOWN)

    async def _take(self, service: str) -> _LineTurn:
        turn = self._turns.setdefault(service, _LineTurn(self._width))
        turn.people += 1
        try:
            await turn.semaphore.acquire()
        except BaseException:
            self._leave(service, turn)
            raise
        return turn

    def _leave(self, service: str, turn: _LineTurn) -> None:
        turn.people -= 1
        if not turn.people:
            del self._turns[service]
