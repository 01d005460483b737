"""`serve` keeps the hub's private PostgreSQL running, and has an exit code for a hub that gave up."""

from __future__ import annotations

import asyncio
import signal
from typing import cast

import psycopg
import pytest

from server.chores import BackOff, Chores
from server.cli import serve_command
from server.connections.hub import Hub
from server.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from server.pushes.standing_lines import StandingLines
from server.timings import Timings
from tests.support.clinic import Clinic
from tests.support.waiting import until

SOON = BackOff(first=0.001, longest=0.001, tries=3)
pytestmark = pytest.mark.logs_expected


class MissingHub:
    """The interface of a hub that the watch of a private PostgreSQL uses; its database is unreachable."""

    misses_database = True
    timings = Timings(own_server=0.001)

    def __init__(self) -> None:
        self.chores = Chores(SOON)


class StubbornServer:
    """A private PostgreSQL whose first starts fail.

    Attributes:
        starts: the number of tries.
    """

    def __init__(self, *failures: Exception) -> None:
        self.starts = 0
        self._failures = list(failures)

    def start(self) -> None:
        self.starts += 1
        if self._failures:
            raise self._failures.pop(0)


async def test_no_error_ends_the_watch_of_the_private_postgresql(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An error of the driver once ended the watch: PostgreSQL, killed later, was never started again."""
    server = StubbornServer(psycopg.OperationalError("gone amid a query"), EmbeddedPostgresError("no room"))

    hub = MissingHub()
    serve_command.watch_database(cast(Hub, hub), cast(EmbeddedPostgres, server))
    await until(lambda: server.starts > 3)
    [chore] = hub.chores.named.values()
    # Both are failures of the chore, so that health shows a server that can't be started.
    assert (chore.failures, chore.failure) == (2, "EmbeddedPostgresError")
    await hub.chores.stop()
    assert "watch of the private PostgreSQL failed" in caplog.text
    assert "gone amid a query" in caplog.text
    assert "no room" in caplog.text


async def test_a_hub_that_gave_up_exits_with_its_own_code(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(StandingLines, "read_changes", fail)
    hub = Hub(clinic.database_url, back_off=SOON)
    assert (await serve_command.run_hub(hub, None)) == serve_command.GIVEN_UP == 4
    assert "The change watch failed 3 times in a row: the hub ends" in caplog.text
    assert not hub.chores.named


async def test_a_hub_that_gets_sigterm_exits_with_0(clinic: Clinic) -> None:
    loop = asyncio.get_running_loop()
    hub = Hub(clinic.database_url)
    task = loop.create_task(serve_command.run_hub(hub, None))
    await until(lambda: hub.port, what="the hub to listen")
    signal.raise_signal(signal.SIGTERM)
    assert (await task) == 0
