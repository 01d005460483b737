"""A `HubClient` that records what it does in a journal and a log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from core.client.hub_client import HubClient
from core.errors import HubError, Unavailable
from core.line.line_store import Line
from core.wire.client_timings import USUAL, ClientTimings
from core.wire.replica import Change, EventApplied, LineReplaced
from core.wire.session import ConnectionState, Credentials
from tests.support.faults.journal import (
    JOURNAL,
    LOG,
    Ack,
    Intent,
    Leap,
    Life,
    Pen,
    Refusal,
    lasting,
    read,
    step_of,
)

RETRY_SECONDS = 0.05


class Witness(HubClient):
    """Writes each change to its journal before sending it, and repeats it with its key until it is answered.

    Attributes:
        actor: its name in the hub's history, "user:3" or "device:1".
        answers: number of its changes that were answered.
        troubles: errors that no client should ever get.
    """

    def __init__(
        self,
        urls: list[str],
        credentials: Credentials,
        actor: str,
        folder: Path,
        timings: ClientTimings = USUAL,
    ) -> None:
        name = "inturn-witness"
        super().__init__(urls, credentials, on_change=self._see, client_name=name, timings=timings)
        self.actor = actor
        self.answers = 0
        self.troubles: list[str] = []
        self._folder = folder
        self._journal = Pen(folder / (actor + JOURNAL), durable=True)
        self._log = Pen(folder / (actor + LOG), durable=False)
        self._log.write(Life())

    async def request_raw(
        self, method: str, params: Mapping[str, Any] | None = None, *, keyed: bool = False, **options: Any
    ) -> msgspec.Raw:
        if not keyed:
            return await super().request_raw(method, params, **options)
        key = str(uuid4())
        self._journal.write(Intent(key, method, dict(params or {})))
        return await self._insist(key, method, params or {})

    async def repeat_unanswered(self) -> None:
        """Repeats the changes that an earlier process of this client sent and got no answer to."""
        for intent in read(self._folder, self.actor).unanswered:
            try:
                await self._insist(intent.key, intent.method, intent.params)
            except HubError:
                continue

    async def repeat(self, count: int) -> list[str]:
        """Repeats the latest acknowledged changes; returns a sentence for each answer that differs."""
        wrong: list[str] = []
        known = read(self._folder, self.actor)
        for ack in list(known.acks.values())[-count:]:
            intent = known.intents[ack.key]
            again = await self._send_again(intent)
            if again != ack.result:
                wrong.append(f"{self.actor}, {intent.method}: {again} is not the first answer {ack.result}")
        return wrong

    async def _send_again(self, intent: Intent) -> dict[str, Any] | str:
        """Sends a change again with its key; returns its result, or the reason of a refusal."""
        while True:
            try:
                raw = await super().request_raw(
                    intent.method, {**intent.params, "key": intent.key}, keyed=True
                )
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            except HubError as error:
                return error.reason
            else:
                return lasting(msgspec.json.decode(raw))

    def holds(self, revisions: Mapping[str, int]) -> bool:
        """Whether it is live and its lines are at these revisions."""
        lines = self.replica.lines
        return self.state is ConnectionState.LIVE and all(
            lines.line(service).revision == revision for service, revision in revisions.items()
        )

    def shown(self, services: Mapping[str, int]) -> dict[str, Any]:
        """Returns each line as a window shows it."""
        return {service: line_shown(self.replica.lines.line(service)) for service in services}

    async def aclose(self) -> None:
        await super().aclose()
        self._journal.close()
        self._log.close()

    async def _insist(self, key: str, method: str, params: Mapping[str, Any]) -> msgspec.Raw:
        while True:
            try:
                raw = await super().request_raw(method, {**params, "key": key}, keyed=True)
            except Unavailable:
                if self._task is None:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            except HubError as error:
                self._journal.write(Refusal(key, error.reason))
                self.answers += 1
                raise
            else:
                self._journal.write(Ack(key, lasting(msgspec.json.decode(raw))))
                self.answers += 1
                return raw

    def _see(self, change: Change) -> None:
        match change:
            case EventApplied(event):
                self._log.write(step_of(event))
            case LineReplaced(service):
                self._log.write(Leap(service, self.replica.lines.line(service).revision))
            case _:
                pass


def line_shown(line: Line) -> dict[str, Any]:
    """The part of a line that windows show: waiting tickets in order, consulting, parked, recent, missed."""
    return {
        "revision": line.revision,
        "open": line.open,
        "waiting": [(t.id, t.number, t.position, t.priority, t.calls) for t in line.waiting],
        "consulting": sorted((t.id, t.counter, t.calls) for t in line.consulting),
        "parked": sorted(t.id for t in line.parked),
        "recent": [t.id for t in line.recent],
        "missed": [t.id for t in line.missed],
    }
