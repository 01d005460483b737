"""Wall clocks jump by an hour while peers vanish: order, numbers and timeouts stay right."""

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
from tests.support.faults.jumping_clocks import ORDERED_BY_TIME, JumpingHub
from tests.support.faults.trial import Trial
from tests.support.waiting import WAIT_SECONDS, wait_until

pytestmark = [pytest.mark.long, pytest.mark.logs_expected]

HOUR = 3600.0


def zone_at_noon() -> str:
    """Returns a time zone where it is about noon, so that no business day begins during the test."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def closed_as_silent(port: int) -> float:
    """Returns the number of connections that the hub closed for silence."""
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
        trial.admit_crowd([hub.url])
        wall = trial.admit([trial.device("monitor")], [f"ws://127.0.0.1:{wire.port}/ws"])
        wait_until(lambda: wire.connections == 1, "the wall's connection")
        trial.wait_for_all_clients()
        wire.make_half_open()
        for offset in (HOUR, -HOUR):
            hub.jump(offset)
            trial.wait_for_all_clients()
        assert wall.ask("lose", WAIT_SECONDS)
        wait_until(lambda: len(wire.given_up) == 2, "both ends to close the half-open connection")
        wait_until(lambda: closed_as_silent(hub.port) == 1, "the hub to count the silent connection")
        hub.jump(0)
        trial.wait_for_all_clients()
        wrong = trial.verdict()
    assert wrong.keys() <= ORDERED_BY_TIME
    with trial.engine.connect() as connection:
        days = connection.execute(text("SELECT count(DISTINCT business_day) FROM tickets"))
        assert days.scalar_one() == 1
