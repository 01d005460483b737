"""HubChoice: which hub a client tries next, and after which pause."""

import pytest

from core.client.hub_choice import HubChoice
from core.wire.client_timings import USUAL

NEXT = USUAL.next_hub


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes each random pause its longest."""
    monkeypatch.setattr("core.client.hub_choice.random.uniform", lambda _low, high: high)


@pytest.mark.usefixtures("longest")
def test_a_lost_hub_is_left_at_once_and_pauses_grow_after_every_hub_has_failed() -> None:
    hubs = HubChoice(["a", "b", "c"])
    assert (hubs.address, hubs.has_others) == ("a", True)
    pauses = [hubs.leave(worked=True), *(hubs.leave(worked=False) for _ in range(6))]
    assert pauses == [NEXT, NEXT, 0.2, NEXT, NEXT, 0.4, 0.1]
    assert hubs.address == "b"


@pytest.mark.usefixtures("longest")
def test_a_single_hub_is_retried_for_ever_with_growing_pauses() -> None:
    hubs = HubChoice(["a"])
    assert not hubs.has_others
    pauses = [hubs.leave(worked=True), *(hubs.leave(worked=False) for _ in range(2000))]
    assert pauses[:4] == [0.2, 0.4, 0.8, 1.6]
    assert set(pauses[4:]) == {USUAL.longest_pause}
    assert hubs.leave(worked=True) == 0.2


def test_a_client_that_leaves_a_hub_tries_the_next_in_turn() -> None:
    hubs = HubChoice(["a", "b"])
    hubs.leave(worked=True)
    assert hubs.address == "b"
    hubs.leave(worked=True)
    assert hubs.address == "a"


def test_a_thousand_clients_of_a_lost_hub_spread_their_reconnects() -> None:
    pauses = sorted(HubChoice(["a", "b"]).leave(worked=True) for _ in range(1000))
    assert pauses[0] < NEXT / 10
    assert pauses[-1] > NEXT * 9 / 10
    assert pauses[-1] <= NEXT
