"""A server that may be killed, and trials on it."""

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
    """Where a test notes how long a recovery took."""
    return RecoveryTimes(request.node.user_properties)


@pytest.fixture(scope="session")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillableServer]:
    """The server of all trials; it runs when a test begins."""
    server = KillableServer(tmp_path_factory.mktemp("killable"))
    yield server
    server.stop()


@pytest.fixture
def new_trial(
    killable: KillableServer, tmp_path: Path, no_qt_garbage: None
) -> Iterator[Callable[..., Trial]]:
    """Makes a trial with a database of its own; it ends with the test."""
    made: list[Trial] = []

    def new(seed: int = 1) -> Trial:
        trial = Trial(killable.new_database(), tmp_path / f"evidence {len(made)}", seed=seed)
        made.append(trial)
        return trial

    yield new
    for trial in made:
        trial.close()
