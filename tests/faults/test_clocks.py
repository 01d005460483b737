"""Wall clocks that jump an hour forth and back, and peers that vanish meanwhile: order, numbers and timeouts stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.request import urlopen

import pytest
from sqlalchemy import text

from core.wire.client_timings import ClientTimings
from server.administration import clinic_settings
from server.timings import Timings
from tests.support.faults.bad_wires import bad_wires
from tests.support.faults.jumping_clocks import JumpingHub
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


def test_a_clock_that_jumps_changes_nothing(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial()
    clinic_settings.set_site(trial.engine, {"time_zone": zone_at_noon()})
    trial.timings = ClientTimings(ping=0.5, stall=1.0, tick=0.1, silence=5.0)
    hub = JumpingHub(trial.url, trial.engine, Timings(silence=5.0))
    trial.hubs.append(hub)
    with bad_wires(("127.0.0.1", hub.port)) as [wire]:
        trial.admit_everybody([hub.url])
        wall = trial.admit([trial.device("monitor")], [f"ws://127.0.0.1:{wire.port}/ws"])
        wait_until(lambda: wire.connections == 1, "the wall")
        trial.wait_for_everybody()
        wire.freeze_open_ones()
        for away in (HOUR, -HOUR):
            hub.jump(away)
            trial.wait_for_everybody()
        assert wall.ask("lose", WAIT_SECONDS)
        wait_until(lambda: len(wire.given_up) == 2, "both sides to notice")
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
