"""Which hub is tried next, and when."""

import pytest

from core.client.hub_choice import HubChoice
from core.wire.client_timings import USUAL

NEXT = USUAL.next_hub


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance always draws the longest pause."""
    monkeypatch.setattr("core.client.hub_choice.random.uniform", lambda _low, high: high)


@pytest.mark.usefixtures("longest")
def test_a_lost_hub_is_left_for_the_next_at_once_and_pauses_come_when_all_have_failed() -> None:
    hubs = HubChoice(["a", "b", "c"])
    assert (hubs.address, hubs.has_others) == ("a", True)
    pauses = [hubs.leave(worked=True), *(hubs.leave(worked=False) for _ in range(6))]
    assert pauses == [NEXT, NEXT, 0.2, NEXT, NEXT, 0.4, 0.1]
    assert hubs.address == "b"


@pytest.mark.usefixtures("longest")
def test_one_hub_alone_is_tried_again_after_growing_pauses_for_ever() -> None:
    hubs = HubChoice(["a"])
    assert not hubs.has_others
    pauses = [hubs.leave(worked=True), *(hubs.leave(worked=False) for _ in range(2000))]
    assert pauses[:4] == [0.2, 0.4, 0.8, 1.6]
    assert set(pauses[4:]) == {USUAL.longest_pause}
    assert hubs.leave(worked=True) == 0.2


def test_a_client_stays_where_it_is_well_and_goes_round_from_there() -> None:
    hubs = HubChoice(["a", "b"])
    hubs.leave(worked=True)
    assert hubs.address == "b"
    hubs.leave(worked=True)
    assert hubs.address == "a"


def test_a_thousand_clients_of_a_lost_hub_do_not_come_in_one_moment() -> None:
    pauses = sorted(HubChoice(["a", "b"]).leave(worked=True) for _ in range(1000))
    assert pauses[0] < NEXT / 10
    assert pauses[-1] > NEXT * 9 / 10
    assert pauses[-1] <= NEXT
