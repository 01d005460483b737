"""How soon a hundred clients are right again after a hub or the database was killed. The times are told at the end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic

import psycopg
import pytest

from server.database.calls import driver_url
from tests.support.faults.killable_server import KillableServer
from tests.support.faults.real_hub import RealHub
from tests.support.faults.recovery_times import RecoveryTimes
from tests.support.faults.trial import Trial
from tests.support.waiting import WAIT_SECONDS, wait_until

pytestmark = pytest.mark.logs_expected

WALLS = 44
"""In each of two processes, beside the six clients of `admit_crowd`: a hundred together."""


def a_hundred(trial: Trial, urls: list[str]) -> None:
    """A clinic and its walls, everybody current."""
    trial.admit_crowd(urls)
    for _ in range(2):
        trial.admit([trial.device("monitor") for _ in range(WALLS)], urls)
    trial.wait_for_all_clients()


def behind_their_back(trial: Trial) -> None:
    """Three patients join while no hub is there."""
    with psycopg.connect(driver_url(trial.url), autocommit=True) as connection:
        connection.execute(
            "SELECT count(join_queue('user:1', 'behind ' || n, '', 'S1')) FROM generate_series(1, 3) n"
        )


def all_current(trial: Trial) -> float:
    """When the last of all clients was live and current (monotonic seconds)."""
    revisions = trial.revisions()
    came = trial.ask_all("converge", revisions, WAIT_SECONDS)
    times = [when for part in came for when in part.values()]
    assert len(times) == 12 + 2 * WALLS
    assert trial.shown_otherwise(revisions) == []
    return float(max(times))


def first_answer(trial: Trial, ready: Callable[[], None]) -> float:
    """When the crowd, at work, is answered again; `ready` makes that possible meanwhile."""
    Event().wait(0.1)  # until answers from before are counted
    before = sum(part.answers for part in trial.crowd)
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(ready)
        wait_until(lambda: sum(part.answers for part in trial.crowd) > before, "the first answer")
        when = monotonic()
        making.result()
    return when


def test_a_killed_hub_is_back_soon(new_trial: Callable[..., Trial], recovery_times: RecoveryTimes) -> None:
    trial = new_trial()
    hub = RealHub(trial.url)
    try:
        a_hundred(trial, [hub.url])
        hub.kill()
        killed = monotonic()
        replied = first_answer(trial, hub.start)
        recovery_times.note("hub killed and started: first reply", 2, replied - killed)
        assert trial.sentences("rest", WAIT_SECONDS) == []
        hub.kill()
        killed = monotonic()
        behind_their_back(trial)
        hub.start()
        recovery_times.note("hub killed and started: 100 clients current", 5, all_current(trial) - killed)
    finally:
        hub.kill()


def test_another_hub_takes_over_and_a_returning_database_is_used(
    killable: KillableServer, new_trial: Callable[..., Trial], recovery_times: RecoveryTimes
) -> None:
    trial = new_trial()
    first, second = trial.start_hub(), trial.start_hub()
    a_hundred(trial, [hub.url for hub in trial.hubs])
    first.kill()
    killed = monotonic()
    trial.wait_for_all_clients()
    recovery_times.note("one of two hubs killed: everybody answered by the other", 5, monotonic() - killed)
    first.restart()
    assert trial.sentences("rest", WAIT_SECONDS) == []
    second.kill()
    killed = monotonic()
    behind_their_back(trial)
    recovery_times.note("the other killed: 100 clients current", 5, all_current(trial) - killed)
    trial.ask_all("work")
    killable.kill("immediate stop")
    trial.random_pause(2.0)
    back: list[float] = []

    def start() -> None:
        killable.start()
        back.append(monotonic())

    written = first_answer(trial, start)
    recovery_times.note("database back: first write", 1, max(0.0, written - (back or [written])[0]))
