"""SIGKILL of hubs at random instants while a crowd uses every operation.

No change is lost, doubled, skipped or shown wrongly: neither with a single hub that restarts nor with two hubs.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.faults.trial import Trial
from tests.support.proof_size import proof_size

pytestmark = [
    pytest.mark.long,
    pytest.mark.logs_expected,
]

KILLS = proof_size(5, 25)
SEEDS = range(1, proof_size(1, 20) + 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("hubs", [1, 2])
def test_a_killed_hub_loses_and_doubles_nothing(
    new_trial: Callable[..., Trial], hubs: int, seed: int
) -> None:
    trial = new_trial(seed)
    urls = [trial.start_hub().url for _ in range(hubs)]
    trial.admit_crowd(urls, urls[::-1])
    for number in range(KILLS):
        trial.wait_for_answers(6)
        trial.random_pause(0.3)
        trial.kill_hub(trial.random.choice(trial.hubs))
        if number == KILLS // 2:
            trial.crowd[0].restart()
            trial.crowd[0].ask("work")
    trial.wait_for_all_clients()
    assert trial.verdict() == {}
    print(trial.counted())
