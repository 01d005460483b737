"""HubClock: the hub's time carried on by steady seconds."""

from __future__ import annotations

from datetime import timedelta

from core.wire.hub_clock import HubClock
from tests.support.builders import NOW


def test_time_goes_on_with_the_steady_seconds() -> None:
    clock = HubClock(NOW, 100.0)
    assert clock.now(100.0) == NOW
    assert clock.now(160.5) == NOW + timedelta(seconds=60.5)


def test_each_time_of_the_hub_replaces_the_one_before() -> None:
    clock = HubClock(NOW, 100.0)
    clock.set(NOW + timedelta(hours=1), 110.0)
    assert clock.now(111.0) == NOW + timedelta(hours=1, seconds=1)
    clock.set(NOW, 120.0)
    assert clock.now(120.0) == NOW
