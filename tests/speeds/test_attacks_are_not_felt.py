"""The p99 of honest requests under each attack stays within twice that of the quiet times in between."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import monotonic

import pytest

from tests.support.attackers import ATTACKS, Attack, elsewhere
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.siege import Siege, siege_of

SECONDS = 5.0
SLICES = 3
ROUNDS = 3
MOST_TIMES = 2.0


def for_a_while() -> Callable[[], bool]:
    """True for `SECONDS` from now."""
    ends = monotonic() + SECONDS
    return lambda: monotonic() < ends


def p99(delays: list[float]) -> float:
    return sorted(delays)[int(len(delays) * 0.99)]


async def times_slower(siege: Siege, attack: Attack) -> float:
    """How many times the quiet p99 the one under attack is in one round, of the window's or the desks' the worse."""
    quiet: tuple[list[float], list[float]] = [], []
    loud: tuple[list[float], list[float]] = [], []
    for _ in range(SLICES):
        for delays, cause in ((quiet, elsewhere), (loud, attack)):
            for kept, found in zip(delays, await siege.under(cause, for_a_while), strict=True):
                kept.extend(found)
    return max(p99(felt) / p99(usual) for felt, usual in zip(loud, quiet, strict=True))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_an_attack_is_not_felt(clinic: Clinic, hub: HubProcess, attack: Attack) -> None:
    async with siege_of(hub, clinic) as siege:
        await siege.under(
            attack, for_a_while
        )  # what the first time costs: modules, memory of so many connections
        times = [await times_slower(siege, attack) for _ in range(ROUNDS)]
    print(f"{attack.__name__:13} p99 × {', '.join(f'{each:.1f}' for each in times)}")
    assert median(times) <= MOST_TIMES
