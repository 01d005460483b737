"""Fixtures of the fault tests: a PostgreSQL server that may be killed, and trials on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.conftest import loop, no_qt_garbage
from tests.support.faults.killable_server import KillableServer
from tests.support.faults.recovery_times import RecoveryTimes
from tests.support.faults.trial import Trial

__all__ = ["loop", "no_qt_garbage"]


@pytest.fixture
def recovery_times(request: pytest.FixtureRequest) -> RecoveryTimes:
    """Records how long a test's recoveries take."""
    return RecoveryTimes(request.node.user_properties)


@pytest.fixture(scope="session")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillableServer]:
    """The server of all trials; a new trial starts it again if a test killed it."""
    server = KillableServer(tmp_path_factory.mktemp("killable"))
    yield server
    server.stop()


@pytest.fixture
def new_trial(
    killable: KillableServer, tmp_path: Path, no_qt_garbage: None
) -> Iterator[Callable[..., Trial]]:
    """Makes trials, each with a database of its own; they are closed after the test."""
    made: list[Trial] = []

    def new(seed: int = 1) -> Trial:
        trial = Trial(killable.new_database(), tmp_path / f"evidence {len(made)}", seed=seed)
        made.append(trial)
        return trial

    yield new
    for trial in made:
        trial.close()
