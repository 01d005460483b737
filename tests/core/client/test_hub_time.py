"""A client's time is its hub's: a wrong or stepped clock of the computer changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from core.client.hub_client import HubClient
from core.steady_clock import steady_seconds
from core.wire.session import DeviceCredentials
from tests.core.wire.test_session import HELLO
from tests.support.client_timings import SOON
from tests.support.hand_clock import HandClock
from tests.support.scripted_hub import ScriptedHub
from tests.support.waiting import until

TOLD = datetime.fromisoformat(str(HELLO["time"]))


class SteppedClock(datetime):
    """The computer's clock, `ahead` of the true time."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz or UTC) + cls.ahead


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[SteppedClock]]:
    monkeypatch.setattr("core.client.hub_client.datetime", SteppedClock)
    SteppedClock.ahead = timedelta(hours=-1)
    yield SteppedClock
    SteppedClock.ahead = timedelta()


async def test_a_step_of_the_computers_clock_changes_nothing(computer: type[SteppedClock]) -> None:
    steady = HandClock()
    async with ScriptedHub.running() as hub:
        del hub.answers["ping"]
        async with HubClient(hub.url, DeviceCredentials("t"), steady=steady) as client:
            assert client.now() == TOLD
            computer.ahead = timedelta()
            assert client.now() == TOLD
            steady.now += 3600
            assert client.now() == TOLD + timedelta(hours=1)


async def test_each_pong_renews_the_time() -> None:
    steady = HandClock()
    later = TOLD + timedelta(minutes=5)
    async with (
        ScriptedHub.running() as hub,
        HubClient(hub.url, DeviceCredentials("t"), steady=steady, timings=SOON) as client,
    ):
        hub.answers["ping"] = lambda params: {"time": later}
        await until(lambda: timedelta() <= client.now() - later < timedelta(seconds=30), what="the pong")


async def test_without_a_hub_time_is_the_computers_and_goes_on_steadily(computer: type[SteppedClock]) -> None:
    steady = HandClock()
    client = HubClient("ws://127.0.0.1:9/ws", DeviceCredentials("t"), steady=steady)
    begun = client.now()
    assert abs(begun - computer.now(UTC)) < timedelta(minutes=1)
    computer.ahead = timedelta()
    steady.now += 60
    assert client.now() == begun + timedelta(seconds=60)


def test_steady_seconds_never_go_back() -> None:
    first = steady_seconds()
    assert steady_seconds() >= first
