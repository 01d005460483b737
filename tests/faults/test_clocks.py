"""Wall clocks that jump an hour forth and back, and peers that vanish meanwhile: order, numbers and timeouts stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from urllib.request import urlopen

import pytest
from sqlalchemy import text

from server.administration import clinic_settings
from tests.support.faults.bad_wires import bad_wires
from tests.support.faults.jumping_clocks import JumpingHub
from tests.support.faults.recovery_times import RecoveryTimes
from tests.support.faults.trial import Trial
from tests.support.waiting import WAIT_SECONDS, wait_until

pytestmark = [pytest.mark.long, pytest.mark.logs_expected]

HOUR = 3600.0


def zone_at_noon() -> str:
    """A time zone where no day begins within hours."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def sent_away_silent(port: int) -> float:
    """How many connections the hub closed because nothing came from them."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=WAIT_SECONDS) as answer:
        lines = answer.read().decode().splitlines()
    counted = 'inturn_connections_refused_total{reason="silent"} '
    return sum(float(line.removeprefix(counted)) for line in lines if line.startswith(counted))


def test_a_clock_that_jumps_changes_nothing(
    new_trial: Callable[..., Trial], recovery_times: RecoveryTimes
) -> None:
    trial = new_trial()
    clinic_settings.set_site(trial.engine, {"time_zone": zone_at_noon()})
    hub = JumpingHub(trial.url, trial.engine)
    trial.hubs.append(hub)
    with bad_wires(("127.0.0.1", hub.port)) as [wire]:
        trial.admit_everybody([hub.url])
        wall = trial.admit([trial.device("monitor")], [f"ws://127.0.0.1:{wire.port}/ws"])
        wait_until(lambda: wire.connections == 1, "the wall")
        trial.wait_for_everybody()
        wire.freeze_open_ones()
        vanished = monotonic()
        for away in (HOUR, -HOUR):
            hub.jump(away)
            trial.wait_for_everybody()
        lost = wall.ask("lose", 20.0)
        wait_until(lambda: len(wire.given_up) == 2, "both sides to notice")
        hub_noticed = wire.given_up["server"] - vanished
        recovery_times.note("half-open connection: the client says so", 15, min(lost.values()) - vanished)
        # It says goodbye in time, and waits a second for an answer.
        recovery_times.note("half-open connection: gone at the hub, after a goodbye", 15, hub_noticed)
        wait_until(lambda: sent_away_silent(hub.port) == 1, "the hub to count it")
        hub.jump(0)
        trial.wait_for_everybody()
        wrong = trial.verdict()
    # The lines' times are each in order; beside each other they are not, while a clock is wrong. No place is
    # taken twice: a unique index sees to that.
    wrong.pop("two patients at one counter", None)
    assert wrong == {}
    with trial.engine.connect() as connection:
        days = connection.execute(text("SELECT count(DISTINCT business_day) FROM tickets"))
        assert days.scalar_one() == 1
