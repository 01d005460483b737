"""Hubs killed by SIGKILL at any instant under a crowd that presses every button: nothing lost, doubled, skipped or shown
otherwise, by one hub that comes back and by two of which one is always there.
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

KILLS = proof_size(10, 25)
SEEDS = range(1, proof_size(1, 20) + 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("hubs", [1, 2])
def test_a_killed_hub_loses_and_doubles_nothing(
    new_trial: Callable[..., Trial], hubs: int, seed: int
) -> None:
    trial = new_trial(seed)
    urls = [trial.start_hub().url for _ in range(hubs)]
    trial.admit_everybody(urls, urls[::-1])
    for number in range(KILLS):
        trial.wait_for_answers(6)
        trial.random_pause(0.3)
        trial.kill_hub(trial.random.choice(trial.hubs))
        if number == KILLS // 2:
            trial.crowd[0].restart()
            trial.crowd[0].ask("work")
    trial.wait_for_everybody()
    assert trial.verdict() == {}
    print(trial.counted())
