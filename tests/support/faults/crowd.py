"""The players of a trial: kiosks that join patients, desks that use every operation, walls that only show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from core.errors import HubError
from core.line.tickets import Place, Priority, Ticket
from core.wire.client_timings import ClientTimings
from core.wire.session import Credentials
from tests.support.faults.witness import Witness

FULL_LINES = 40
"""Kiosks pause joining at this number of waiting patients, so that the lines don't grow without end."""
UNEXPECTED_REASONS = {
    "internal_error",
    "forbidden",
    "invalid_params",
    "key_conflict",
    "unauthenticated",
    "rate_limited",
    "unknown_method",
    "invalid_request",
}


@dataclass(frozen=True)
class Role:
    """A client of a crowd.

    Attributes:
        kind: "kiosk", "desk" or "wall"; a supervisor is a desk that may do more.
        pause: longest pause between two of its requests, in seconds.
    """

    actor: str
    kind: str
    credentials: Credentials
    counter: str = ""
    supervises: bool = False
    pause: float = 0.05


class Player:
    """A client that sends random requests.

    Attributes:
        may_press: cleared while it must send no new request. idle: set when it then has no request in flight.
    """

    def __init__(self, role: Role, urls: list[str], folder: Path, seed: int, timings: ClientTimings) -> None:
        self.role = role
        self.client = Witness(urls, role.credentials, role.actor, folder, timings)
        self.random = Random(f"{seed} {role.actor}")
        self.may_press = asyncio.Event()
        self.idle = asyncio.Event()
        buttons = {"kiosk": KIOSK, "desk": DESK, "wall": {}}[role.kind]
        self._buttons = {**buttons, **(SUPERVISOR if role.supervises else {})}

    @property
    def busy(self) -> bool:
        """Whether it sends requests; a wall sends none."""
        return bool(self._buttons)

    async def play(self) -> None:
        """Sends requests for ever (a wall sends none), after repeating the unanswered changes of an earlier process."""
        self.client.start()
        await self.client.repeat_unanswered()
        while self._buttons:
            if not self.may_press.is_set():
                self.idle.set()
                await self.may_press.wait()
                self.idle.clear()
            [press] = self.random.choices(list(self._buttons), list(self._buttons.values()))
            try:
                await press(self)
            except HubError as error:
                if error.reason in UNEXPECTED_REASONS:
                    self.client.troubles.append(
                        f"{self.role.actor}: {press.__name__}: {error.reason} {error}"
                    )
            await asyncio.sleep(self.random.uniform(0, self.role.pause))

    @property
    def services(self) -> list[str]:
        return [service.code for service in self.client.replica.services] or ["S1"]

    def random_ticket(self, *status: str) -> Ticket | None:
        """Returns a random ticket with one of these statuses, from any line that this client holds."""
        lines = [self.client.replica.lines.line(code) for code in self.services]
        found = [
            ticket
            for line in lines
            for kind in status
            for ticket in {
                "waiting": line.waiting,
                "consulting": line.consulting,
                "parked": line.parked,
                "missed": line.missed,
            }[kind]
        ]
        return self.random.choice(found) if found else None

    def current(self) -> Ticket | None:
        """Returns the ticket at this player's counter."""
        lines = [self.client.replica.lines.line(code) for code in self.services]
        mine = [ticket for line in lines for ticket in line.consulting if ticket.counter == self.role.counter]
        return mine[0] if mine else None

    def waiting(self) -> int:
        return sum(self.client.replica.lines.line(code).waiting_count for code in self.services)


async def join(player: Player) -> None:
    if player.waiting() < FULL_LINES:
        await player.client.join_queue(player.random.choice(player.services))


async def join_and_leave(player: Player) -> None:
    ticket = await player.client.join_queue(player.random.choice(player.services))
    await player.client.cancel(ticket.id)


async def look_up(player: Player) -> None:
    ticket = player.random_ticket("waiting")
    if ticket is not None:
        await player.client.get_ticket(ticket.id)


async def call_next(player: Player) -> None:
    current = player.current()
    await player.client.call_next_patient(player.role.counter, current.id if current else None)


async def call_by_name(player: Player) -> None:
    ticket = player.random_ticket("waiting", "waiting", "parked", "missed")
    if ticket is not None and player.current() is None:
        await player.client.call_patient(ticket.id, player.role.counter)


def with_current(press: Callable[[Player, Ticket], Awaitable[object]], name: str) -> Button:
    """A button for the ticket at the player's counter."""

    async def pressed(player: Player) -> None:
        if (current := player.current()) is not None:
            await press(player, current)

    pressed.__name__ = name
    return pressed


def with_random_ticket(
    press: Callable[[Player, Ticket], Awaitable[object]], name: str, *status: str
) -> Button:
    """A button for a random ticket with one of the statuses."""

    async def pressed(player: Player) -> None:
        if (ticket := player.random_ticket(*status)) is not None:
            await press(player, ticket)

    pressed.__name__ = name
    return pressed


async def undo(player: Player) -> None:
    await player.client.undo()


async def take_a_break(player: Player) -> None:
    if player.current() is None:
        await player.client.pause_counter(player.role.counter, "lunch")
        await player.client.open_counter(player.role.counter)


async def pause_a_service(player: Player) -> None:
    service = player.random.choice(player.services)
    await player.client.pause_service(service)
    await player.client.open_service(service)


PLACES: tuple[Place, ...] = ("arrival", "first", "last")
PRIORITIES: tuple[Priority, ...] = ("high", "medium", "low")
Button = Callable[[Player], Awaitable[None]]
KIOSK: dict[Button, float] = {join: 10, join_and_leave: 2, look_up: 1}
DESK: dict[Button, float] = {
    call_next: 10,
    call_by_name: 2,
    undo: 2,
    take_a_break: 0.3,
    join: 3,
    with_current(lambda p, t: p.client.complete(t.id), "complete"): 3,
    with_current(lambda p, t: p.client.no_show(t.id), "no_show"): 3,
    with_current(lambda p, t: p.client.recall(t.id), "recall"): 2,
    with_random_ticket(lambda p, t: p.client.park(t.id, "x-ray"), "park", "waiting", "consulting"): 2,
    with_random_ticket(lambda p, t: p.client.unpark(t.id, p.random.choice(PLACES)), "unpark", "parked"): 3,
    with_random_ticket(
        lambda p, t: p.client.transfer(t.id, p.random.choice(p.services), p.random.choice(PLACES)),
        "transfer",
        "waiting",
        "consulting",
        "parked",
    ): 3,
    with_random_ticket(
        lambda p, t: p.client.update_ticket(t.id, note="came with a child"), "note", "waiting"
    ): 1,
    with_random_ticket(lambda p, t: p.client.cancel(t.id), "cancel", "waiting", "parked"): 1,
}
SUPERVISOR: dict[Button, float] = {
    pause_a_service: 0.2,
    with_random_ticket(
        lambda p, t: p.client.set_priority(t.id, p.random.choice(PRIORITIES)), "priority", "waiting"
    ): 2,
    with_random_ticket(lambda p, t: p.client.move(t.id, p.random.choice((1, 2, 7))), "move", "waiting"): 2,
}
