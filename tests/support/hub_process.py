"""A hub in a process of its own, which a test may stop, freeze or kill.

It is forked from a server that has loaded the hub's modules, because importing them takes most of a hub's start.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from server.connections.hub import Hub
from tests.support.forks import forks
from tests.support.waiting import WAIT_SECONDS


class HubProcess:
    """A running hub.

    Attributes:
        url: for clients; the same after a restart.
        port: of the url.
        pid: of the running process.
    """

    def __init__(self, database_url: str, *, most_files: int | None = None, **options: Any) -> None:
        """`options` are those of `server.connections.hub.Hub`, e.g. `limits`; `most_files` limits its open files."""
        self.url = ""
        self._database_url = database_url
        self._most_files = most_files
        self._options = {"port": 0, **options}
        self._start()

    @property
    def port(self) -> int:
        """The port on which it listens; the same after a restart."""
        return int(str(self._options["port"]))

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        """Kills it by SIGKILL, as a power cut would."""
        self._process.kill()
        self._process.join(WAIT_SECONDS)

    def restart(self) -> None:
        """Starts it again on the same port."""
        self._start()

    def freeze(self) -> None:
        """Stops it (SIGSTOP): connections stay open, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Continues it (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self) -> int | None:
        """Terminates it in order (SIGTERM); returns its exit code."""
        self._process.terminate()
        self._process.join(WAIT_SECONDS)
        if self._process.exitcode is None:
            self.kill()
        return self._process.exitcode

    def _start(self) -> None:
        ours, theirs = forks.Pipe()
        self._process = forks.Process(
            target=_serve,
            args=(self._database_url, self._options, self._most_files, theirs),
            daemon=True,
        )
        self._process.start()
        theirs.close()
        self.url, self._options["port"] = ours.recv()


def _serve(database_url: str, options: dict[str, Any], most_files: int | None, ready: Connection) -> None:
    if most_files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    hub = Hub(database_url, **options)
    with asyncio.Runner(loop_factory=hub.new_loop) as runner:
        runner.run(_until_terminated(hub, ready))


async def _until_terminated(hub: Hub, ready: Connection) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await hub.start()
    ready.send((hub.url, hub.port))
    await stop.wait()
    await hub.stop()


@contextmanager
def hub_on(database_url: str, **options: Any) -> Iterator[HubProcess]:
    """A hub that ends with the block; `options` are those of `HubProcess`."""
    hub = HubProcess(database_url, **options)
    try:
        yield hub
    finally:
        hub.terminate()


@asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[Hub]:
    """Runs the hub in the test's own process while the block runs."""
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()
