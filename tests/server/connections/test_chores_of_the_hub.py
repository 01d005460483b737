"""Each chore of a hub is made to fail once: the failure is logged, reported and counted, and the chore works again.

`FAILURES` names every chore; `test_every_chore_of_the_hub_is_made_to_fail_here` fails when a new chore is missing.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FunctionType
from typing import Any

import pytest

from core.wire.system_health import HealthCheck
from server.chores import BackOff
from server.cli import serve_command
from server.connections.hub import Hub
from server.connections.presence import Presence
from server.connections.visitors import Visitors
from server.database.calls import Database
from server.database.channel import DatabaseChannel
from server.database.pool import ConnectionPool
from server.door import tls
from server.operations.queue_operations import QueueOperations
from server.pushes.standing_lines import StandingLines
from server.pushes.wait_keeper import WaitKeeper
from server.timings import Timings
from tests.support.clinic import Clinic
from tests.support.hub_process import running
from tests.support.places import CERTIFICATES
from tests.support.waiting import until


class OwnServer:
    """The interface that the watch of a private PostgreSQL uses."""

    def start(self) -> None:
        """Succeeds: the server runs."""


pytestmark = pytest.mark.logs_expected
GOOD = tls.TlsFiles(CERTIFICATES / "valid.pem", CERTIFICATES / "hub_key.pem")
BACK_OFF = BackOff(first=0.5, longest=0.5)
OFTEN = 0.02
TIMINGS = Timings(
    sweep=OFTEN,
    admission=OFTEN,
    day=OFTEN,
    tidy=OFTEN,
    certificate=OFTEN,
    database=OFTEN,
    own_server=OFTEN,
    changes=OFTEN,
    estimates=OFTEN,
    integrity=OFTEN,
    integrity_pause=OFTEN,
    lateness=OFTEN,
    page=OFTEN,
    presence=OFTEN,
)
"""The chores' intervals, in seconds: shorter than in service."""
FAILURES: dict[str, tuple[Any, str]] = {
    "database watch": (ConnectionPool, "end_calls_older_than"),
    "change watch": (StandingLines, "read_changes"),
    "keeper of wait times": (WaitKeeper, "_refresh_paces"),
    "listener to other hubs": (DatabaseChannel, "_heard"),
    "speaker to other hubs": (DatabaseChannel, "_expect_to_hear"),
    "clock of the event loop": (lambda hub: hub.components.watch, "on_lag"),
    "check of the lines": (QueueOperations, "validate_queue_integrity"),
    "sweep of silent clients": (Visitors, "_silent"),
    "check of who may stay": (Visitors, "_revoked"),
    "tidying of old requests": (Database, "call forget_old_requests"),
    "daily close": (QueueOperations, "day_to_close"),
    "certificate watch": (tls, "_stamps"),
    "presence of people": (Presence, "_report"),
    "watch of the private PostgreSQL": (OwnServer, "start"),
}
"""Chore -> (owner, name) of a function that it calls at each turn: a class, a module, or a callable that returns the
owner for a hub.

With a word after the name, only calls with that argument fail.
"""


class Failing:
    """Replaces a function: fails at its first call with the word, then calls the function again.

    Attributes:
        worked: successful calls since then.
    """

    def __init__(self, real: Callable[..., Any], word: str) -> None:
        self.worked = 0
        self._real = real
        self._word = word
        self._failed = False

    def __call__(self, *arguments: Any) -> Any:
        if not self._word or self._word in arguments:
            self.worked += self._failed
            if not self._failed:
                self._failed = True
                raise ZeroDivisionError("made to fail by the test")
        return self._real(*arguments)


def make_fail(monkeypatch: pytest.MonkeyPatch, hub: Hub, chore: str) -> Failing:
    """Makes the function that the chore calls fail once."""
    owner, path = FAILURES[chore]
    name, _, word = path.partition(" ")
    if isinstance(owner, FunctionType):
        owner = owner(hub)
    failing = Failing(getattr(owner, name), word)
    # A function becomes a method when it is set on a class; an instance of `Failing` does not.
    monkeypatch.setattr(owner, name, lambda *arguments: failing(*arguments))
    return failing


@asynccontextmanager
async def complete_hub(clinic: Clinic) -> AsyncIterator[Hub]:
    """A hub with TLS and a private PostgreSQL, so that every chore runs."""
    async with running(Hub(clinic.database_url, tls=GOOD, back_off=BACK_OFF, timings=TIMINGS)) as hub:
        serve_command.watch_database(hub, OwnServer())  # type: ignore[arg-type]
        yield hub


@pytest.fixture(autouse=True)
def missed_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hub, "misses_database", True)


async def test_every_chore_of_the_hub_is_made_to_fail_here(clinic: Clinic) -> None:
    async with complete_hub(clinic) as hub:
        assert hub.chores.named.keys() == FAILURES.keys()


def chores_check(hub: Hub) -> HealthCheck:
    [found] = [check for check in hub.components.condition.report().checks if check.check == "chores"]
    return found


def metric(hub: Hub, name: str, chore: str) -> str:
    lines = hub.components.metrics.text().decode().splitlines()
    [line] = [line for line in lines if line.startswith(f'{name}{{chore="{chore}"}}')]
    return line.rsplit(" ", 1)[1]


async def fails(hub: Hub, chore: str) -> None:
    def has_failed() -> bool:
        # Again and again: a notification that is sent before the listener listens is lost.
        hub.components.notifications.notify_counters_changed()
        return not hub.chores.named[chore].up

    await until(has_failed, what=f"the {chore} to fail")
    found = chores_check(hub)
    assert found.level == "failed"
    assert f"The {chore} failed once, " in found.sentence
    assert "(ZeroDivisionError); it is tried again in " in found.sentence
    assert metric(hub, "inturn_chore_up", chore) == "0.0"


async def works_again(hub: Hub, chore: str, failing: Failing) -> None:
    def has_worked() -> bool:
        hub.components.notifications.notify_counters_changed()
        return failing.worked > 1

    await until(has_worked, what=f"the {chore} to work again")
    found = chores_check(hub)
    assert (found.level, f"The {chore} failed once" in found.sentence) == ("warning", True)
    await until(lambda: metric(hub, "inturn_chore_up", chore) == "1.0", what="the metric")
    assert metric(hub, "inturn_chore_failures_total", chore) == "1.0"


@pytest.mark.parametrize("chore", FAILURES)
async def test_a_failed_chore_is_logged_reported_counted_and_works_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, chore: str
) -> None:
    async with complete_hub(clinic) as hub:
        failing = make_fail(monkeypatch, hub, chore)
        await fails(hub, chore)
        await works_again(hub, chore, failing)
    [failed] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert f"The {chore} failed" in failed.getMessage()
    assert failed.exc_info
    assert "made to fail by the test" in caplog.text
    assert "Traceback (most recent call last)" in caplog.text
