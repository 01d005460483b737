"""PostgreSQL is stopped (`immediate`), or its postmaster or a backend is killed, with and without its hub.

Acknowledged changes stay, repeated requests are applied once, and every client recovers by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest

from tests.support.faults.killable_server import KillableServer
from tests.support.faults.trial import Trial
from tests.support.proof_size import proof_size

pytestmark = [pytest.mark.long, pytest.mark.logs_expected]

STOPS = proof_size(3, 11)
SOFTER = ["immediate stop"] * proof_size(1, 5)
SEEDS = range(1, proof_size(1, 10) + 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("with_the_hub", [False, True], ids=["the database alone", "both at once"])
def test_a_stopped_database_keeps_every_acknowledged_change(
    killable: KillableServer, new_trial: Callable[..., Trial], with_the_hub: bool, seed: int
) -> None:
    assert killable.is_durable()
    trial = new_trial(seed)
    hub = trial.start_hub()
    trial.admit_crowd([hub.url])
    ways = cycle([*SOFTER, "backend killed" if with_the_hub else "postmaster killed"])
    for _ in range(STOPS):
        trial.wait_for_answers(5)
        trial.random_pause(0.4)
        killable.kill(next(ways))
        if with_the_hub:
            trial.random_pause(0.05)
            trial.kill_hub(hub, meanwhile=killable.start)
        else:
            killable.start()
    trial.wait_for_all_clients()
    assert trial.verdict() == {}
    print(trial.counted())
