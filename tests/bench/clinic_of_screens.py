"""A small clinic for the bench of the hub, and the measured process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from server.administration import people_and_devices
from server.checks.scratch_hub import scratch_database
from server.database.address import driver_url
from server.schema.engine import administration_engine
from tests.bench.filling import fill
from tests.bench.hub_side import SERVICE, WAITING

FIRST_REVISION = 1_000_000
"""Every revision has the same number of digits, so that readers count bytes instead of frames."""
STOP_SECONDS = 10
_STEADY_HEAP = {"MALLOC_MMAP_THRESHOLD_": str(4 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""Settings of glibc's allocator.

asyncio's socket transport allocates 256 KiB for each read. Without these settings, what the process did before decides
whether that maps and unmaps pages each time (DECISIONS: Against what is a reply measured?).
"""


@dataclass(frozen=True)
class Screens:
    """A database with a line, and the tokens of a kiosk and of a monitor."""

    url: str
    kiosk: str
    monitor: str


@contextmanager
def clinic_of_screens(server: str) -> Iterator[Screens]:
    """Creates a database with a service and `WAITING` patients."""
    with scratch_database(server) as url:
        engine = administration_engine(url)
        people_and_devices.add_service(engine, SERVICE, "See a doctor", None)
        people_and_devices.add_counter(engine, "R1", "Room 1", [SERVICE])
        kiosk = people_and_devices.add_device(engine, "kiosk", "kiosk")
        monitor = people_and_devices.add_device(engine, "monitor", "monitor")
        engine.dispose()
        with psycopg.connect(driver_url(url), autocommit=True) as connection:
            fill(connection, SERVICE, waiting=WAITING)
            with connection.transaction():
                connection.execute("SET LOCAL session_replication_role = replica")
                connection.execute("UPDATE services SET revision = %s", (FIRST_REVISION,))
        yield Screens(url, kiosk, monitor)


class Side:
    """The measured process, and its commands.

    Attributes:
        ports: of the hub and of the bare servers.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.ports: dict[str, int] = self.answer()

    def ask(self, name: str, *arguments: Any) -> None:
        """Sends a command without waiting for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """Reads the oldest command's answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the measured process has ended"
        return json.loads(line)

    def do(self, name: str, *arguments: Any) -> Any:
        """Sends a command and returns its answer."""
        self.ask(name, *arguments)
        return self.answer()


@contextmanager
def measured(url: str, *tls: str) -> Iterator[Side]:
    """Runs the measured process on a CPU of its own; `tls`: the files of a certificate and its key."""
    command = [sys.executable, "-m", "tests.bench.hub_side", url, *tls]
    before = os.sched_getaffinity(0)
    steady = os.environ | _STEADY_HEAP
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=steady)
    try:
        with suppress(OSError, ValueError):
            mine, *others = sorted(before)
            if others:
                os.sched_setaffinity(process.pid, {mine})
                os.sched_setaffinity(0, set(others))
        yield Side(process)
    finally:
        os.sched_setaffinity(0, before)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(STOP_SECONDS)
