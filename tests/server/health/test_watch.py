"""The hub's watch on itself finds a damaged line, measures a busy loop and counts an outage."""

from __future__ import annotations

from threading import Event

import pytest

from core.client.hub_client import HubClient
from server.chores import Chores
from server.connections.hub import Hub
from server.health.watch import HubWatch
from server.pushes.clinic_lists import ClinicLists
from server.timings import Timings
from tests.support.clinic import Clinic
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("no_qt_garbage")


@pytest.mark.logs_expected
async def test_a_damaged_line_is_found_and_logged_once(
    clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    hub = Hub(clinic.database_url)
    await hub.start()
    components = hub.components
    async with HubClient(hub.url, clinic.staff) as staff:
        for _ in range(3):
            await staff.join_queue("A")
    often = Timings(integrity=0.03, integrity_pause=0.01)
    watch = HubWatch(components.database, components.operations, components.clinic_lists, often)
    chores = Chores()
    watch.start(chores)
    await until(lambda: watch.checked.keys() == {"A", "B", "C"})
    assert {found.violations for found in watch.checked.values()} == {0}
    clinic.rows(
        "UPDATE tickets SET position_in_queue = position_in_queue + 5 WHERE number = 'A002' RETURNING 1"
    )
    await until(lambda: watch.checked["A"].violations > 0)
    seen = watch.checked["A"].at
    await until(lambda: watch.checked["A"].at > seen)
    await chores.stop()
    await hub.stop()
    [message] = [record.getMessage() for record in caplog.records if "not sound" in record.getMessage()]
    assert "The line A is not sound" in message
    assert "inturn-hub check integrity" in message


class AwayDatabase:
    """The interface of an unreachable database that a watch uses."""

    available = False


async def test_a_busy_loop_and_an_outage_are_measured() -> None:
    clinic_lists = ClinicLists.__new__(ClinicLists)
    clinic_lists.services = {}
    watch = HubWatch(AwayDatabase(), None, clinic_lists, Timings(lateness=0.02))  # type: ignore[arg-type]
    lags: list[float] = []
    watch.on_lag = lags.append
    watch.start(Chores())
    await until(lambda: len(lags) > 2)
    Event().wait(0.2)  # the loop can't turn meanwhile
    await until(lambda: max(lags) > 0.1)
    assert watch.worst_lag > 0.1
    assert watch.away_seconds > 0.2
