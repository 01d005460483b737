"""A clinic on a private PostgreSQL that can be stopped, frozen and restarted, and kiosks that keep sending requests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from core.wire.protocol import SUBPROTOCOL
from server.administration import people_and_devices
from server.postgres.embedded import EmbeddedPostgres
from server.schema import revisions
from tests.support.clinic import rows_at
from tests.support.private_clusters import is_alive, server_of
from tests.support.waiting import WAIT_SECONDS, wait_until

SERVICES = "ABC"
_keys = (f"key {number}" for number in count())


class TroubledClinic:
    """A clinic with three lines and a kiosk. `url` stays the same after a restart of its database."""

    def __init__(self, root: Path) -> None:
        self.cluster = EmbeddedPostgres(root, options={"fsync": "off"})
        self.url = self.cluster.start()
        engine = self.engine()
        revisions.upgrade(engine)
        for code in SERVICES:
            people_and_devices.add_service(engine, code, f"Service {code}", None)
        self.token = people_and_devices.add_device(engine, "Hall kiosk", "kiosk")
        engine.dispose()

    def engine(self) -> Engine:
        """An engine for queries and locks; the caller disposes of it."""
        return create_engine(self.url)

    def rows(self, query: str) -> list[Any]:
        """The rows of a query."""
        return rows_at(self.url, query)

    def stop_at_once(self) -> None:
        """Stops the server as `pg_ctl stop -m immediate` does: its clients get no notice."""
        postmaster = server_of(self.cluster.root).pid
        os.kill(postmaster, signal.SIGQUIT)
        wait_until(lambda: not is_alive(postmaster))

    def start(self) -> None:
        """Starts the server again."""
        assert self.cluster.start() == self.url

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freezes the server and all its processes while the block runs: connections stay open, nothing answers."""
        postmaster = server_of(self.cluster.root).pid
        processes = [postmaster]
        os.kill(postmaster, signal.SIGSTOP)  # first, so that it starts no further processes
        processes += children(postmaster)
        try:
            for pid in processes[1:]:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in reversed(processes):
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def locked(self, service: str) -> Iterator[None]:
        """Another transaction locks the line's row while the block runs."""
        engine = self.engine()
        with engine.begin() as connection:
            connection.execute(
                text("SELECT FROM services WHERE code = :code FOR NO KEY UPDATE"), {"code": service}
            )
            yield
        engine.dispose()


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


@dataclass
class Press:
    """An answered request: the time of its answer (monotonic), its duration in seconds, the refusal's data or None."""

    at: float
    seconds: float
    refused: dict[str, Any] | None


@dataclass
class Kiosk:
    """A client of a hub that sends requests and records the `answers`."""

    socket: ClientConnection
    answers: list[Press] = field(default_factory=list)

    async def join(self, service: str = "A", key: str | None = None) -> Press:
        """Joins a line; does not retry."""
        params = {"service": service, "key": key or next(_keys)}
        request = {"jsonrpc": "2.0", "id": len(self.answers), "method": "tickets.join", "params": params}
        return await self._ask(request)

    async def say_hello(self, token: str) -> Press:
        """Says hello with a device's token."""
        params = {"credentials": {"token": token}}
        return await self._ask({"jsonrpc": "2.0", "id": -1, "method": "session.hello", "params": params})

    async def _ask(self, request: dict[str, Any]) -> Press:
        started = time.monotonic()
        await self.socket.send(json.dumps(request))
        while (answer := json.loads(await self.socket.recv())).get("id") != request["id"]:
            pass
        error = answer.get("error")
        refused = error and {**error["data"], "message": error["message"]}
        press = Press(time.monotonic(), time.monotonic() - started, refused)
        self.answers.append(press)
        return press

    async def join_until(self, enough: Callable[[Press], bool], service: str = "A") -> Press:
        """Joins every 20 ms until `enough(answer)`; raises AssertionError after `WAIT_SECONDS`."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            press = await self.join(service)
            if enough(press):
                return press
            assert time.monotonic() < deadline, f"the last answer is {press}"
            await asyncio.sleep(0.02)


async def kiosk_at(hub_url: str, token: str) -> Kiosk:
    """A kiosk that has said hello."""
    kiosk = Kiosk(
        await connect(hub_url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None, max_size=None)
    )
    assert (await kiosk.say_hello(token)).refused is None
    return kiosk


def was_unavailable(press: Press) -> bool:
    """Whether the answer is a refusal because the database is unreachable."""
    return press.refused is not None and press.refused["reason"] == "unavailable"


def was_done(press: Press) -> bool:
    """Whether the answer is a result."""
    return press.refused is None
