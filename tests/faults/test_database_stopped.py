"""PostgreSQL stopped `immediate`, its postmaster or a backend killed, under a hub with a crowd, alone and with the hub:
what was acknowledged is there, what is repeated is there once, everybody goes on by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest

from tests.support.faults.killable_server import KillableServer
from tests.support.faults.trial import Trial
from tests.support.proof_size import proof_size

pytestmark = [pytest.mark.long, pytest.mark.logs_expected]

STOPS = proof_size(5, 11)
SOFTER = ["immediate stop"] * proof_size(2, 5)
SEEDS = range(1, proof_size(1, 10) + 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("with_the_hub", [False, True], ids=["the database alone", "both at once"])
def test_a_stopped_database_keeps_what_it_said(
    killable: KillableServer, new_trial: Callable[..., Trial], with_the_hub: bool, seed: int
) -> None:
    assert killable.is_durable()
    trial = new_trial(seed)
    hub = trial.start_hub()
    trial.admit_everybody([hub.url])
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
    trial.wait_for_everybody()
    assert trial.verdict() == {}
    print(trial.counted())
