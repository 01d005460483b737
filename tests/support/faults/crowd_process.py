"""A process that runs a part of the crowd: a test sends it orders (work, rest, show) and may kill it."""

from __future__ import annotations

import asyncio
from collections.abc import MutableSequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

from core.wire.client_timings import USUAL, ClientTimings
from tests.support.faults.crowd import Player, Role
from tests.support.forks import forks
from tests.support.waiting import WAIT_SECONDS

ANSWER_SECONDS = 2 * WAIT_SECONDS
"""Longer than WAIT_SECONDS, because an order may itself wait for a condition."""


@dataclass(frozen=True)
class Part:
    """What a crowd process is started with: roles, URLs of hubs, and the folder of journals and logs."""

    roles: tuple[Role, ...]
    urls: tuple[str, ...]
    folder: Path
    seed: int
    timings: ClientTimings = USUAL


class CrowdProcess:
    """A running part of a crowd."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._counts: MutableSequence[int] = forks.Array("Q", len(part.roles), lock=False)
        self._start()

    @property
    def is_busy(self) -> bool:
        """Whether any of its players sends requests."""
        return any(role.kind != "wall" for role in self.part.roles)

    @property
    def answers(self) -> int:
        """Number of answers that its clients got since it was started."""
        return sum(self._counts)

    @property
    def least_answers(self) -> int:
        """The smallest number of answers that a busy client got since it was started."""
        busy = [n for n, role in zip(self._counts, self.part.roles, strict=True) if role.kind != "wall"]
        return min(busy)

    def restart(self) -> None:
        """Kills the process (SIGKILL) and starts another with the same journals."""
        self._process.kill()
        self._process.join()
        self._ours.close()
        for number in range(len(self._counts)):
            self._counts[number] = 0
        self._start()

    def close(self) -> None:
        """Kills the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()

    def ask(self, *order: Any) -> Any:
        """Sends an order (a method of `_Stage`) and returns its answer. Blocks. Raises TimeoutError without an answer."""
        self._ours.send(order)
        if not self._ours.poll(ANSWER_SECONDS):
            raise TimeoutError(f"A part of the crowd did not answer: {order[0]}")
        return self._ours.recv()

    def _start(self) -> None:
        self._ours, theirs = forks.Pipe()
        self._process = forks.Process(target=_perform, args=(self.part, theirs, self._counts), daemon=True)
        self._process.start()
        theirs.close()


def _perform(part: Part, pipe: Connection, counts: Any) -> None:
    asyncio.run(_Stage(part, pipe, counts).run())


class _Stage:
    """The players of a process. Each public method but `run` is an order, and its result is the answer."""

    def __init__(self, part: Part, pipe: Connection, counts: Any) -> None:
        self._pipe, self._counts = pipe, counts
        self._players = [
            Player(role, list(part.urls), part.folder, part.seed, part.timings) for role in part.roles
        ]
        self._orders: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    async def run(self) -> None:
        """Plays until the process is killed; an unexpected error of a player ends the process."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._take_order)
        async with asyncio.TaskGroup() as tasks:
            for player in self._players:
                tasks.create_task(player.play())
            tasks.create_task(self._count())
            while True:
                name, *arguments = await self._orders.get()
                self._pipe.send(await getattr(self, name)(*arguments))

    async def work(self) -> None:
        """Lets every player send requests."""
        for player in self._players:
            player.may_press.set()

    async def rest(self, seconds: float) -> list[str]:
        """Stops new requests. Returns a sentence for each player that is not idle in time, and all unexpected errors."""
        for player in self._players:
            player.may_press.clear()
        resting = [asyncio.wait_for(player.idle.wait(), seconds) for player in self._players if player.busy]
        await asyncio.gather(*resting, return_exceptions=True)
        late = [
            f"{p.role.actor} waits for an answer" for p in self._players if p.busy and not p.idle.is_set()
        ]
        return late + [trouble for player in self._players for trouble in player.client.troubles]

    async def converge(self, revisions: dict[str, int], seconds: float) -> dict[str, float]:
        """Returns, by actor, when its client was live at these revisions (monotonic seconds); late actors are missing."""
        return await self._when(lambda player: player.client.holds(revisions), seconds)

    async def lose(self, seconds: float) -> dict[str, float]:
        """Returns, by actor, when its client noticed the loss of its hub (monotonic seconds)."""
        return await self._when(lambda player: player.client.lost_since is not None, seconds)

    async def show(self, revisions: dict[str, int]) -> dict[str, Any]:
        """Returns, by actor, its lines as a window shows them."""
        return {player.role.actor: player.client.shown(revisions) for player in self._players}

    async def repeat(self, count: int) -> list[str]:
        """Repeats each client's latest acknowledged changes; returns a sentence for each answer that differs."""
        return [wrong for player in self._players for wrong in await player.client.repeat(count)]

    async def _when(self, what: Any, seconds: float) -> dict[str, float]:
        deadline = monotonic() + seconds
        when: dict[str, float] = {}
        while len(when) < len(self._players) and monotonic() < deadline:
            for player in self._players:
                if player.role.actor not in when and what(player):
                    when[player.role.actor] = monotonic()
            await asyncio.sleep(0.01)
        return when

    def _take_order(self) -> None:
        try:
            self._orders.put_nowait(self._pipe.recv())
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())

    async def _count(self) -> None:
        while True:
            for number, player in enumerate(self._players):
                self._counts[number] = player.client.answers
            await asyncio.sleep(0.01)
