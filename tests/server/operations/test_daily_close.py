"""The close of the day cancels waiting and parked tickets; open consultations stay and are named."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.client.hub_client import HubClient
from core.errors import ServiceClosed
from core.wire.session import PersonCredentials
from server.administration import clinic_settings
from server.connections import daily_close
from server.connections.hub import Hub
from server.timings import Timings
from tests.support.clinic import PASSWORD, Clinic
from tests.support.clinic_clock import LocalTime, business_days, change, end_today
from tests.support.hub_process import HubProcess, running
from tests.support.waiting import until

ADMIN = PersonCredentials("admin", PASSWORD)


async def create_tickets(hub: HubClient) -> None:
    """Creates in A two waiting tickets, a parked one and A001 at a counter; in B a waiting and a missed one."""
    tickets = [await hub.join_queue("A", patient_name="Bo Larsen") for _ in range(4)]
    await hub.call_patient(tickets[0].id, "R1")
    await hub.park(tickets[1].id)
    missed = await hub.join_queue("B")
    await hub.call_patient(missed.id, "R2")
    await hub.no_show(missed.id)
    await hub.join_queue("B")


def closings(clinic: Clinic) -> list[Any]:
    return clinic.rows(
        "SELECT actor, subject, details FROM admin_events WHERE kind = 'day_closed' ORDER BY id"
    )


def cancelled(clinic: Clinic) -> list[Any]:
    """[(cancellations by the close of the day, tickets that it cancelled)]."""
    return clinic.rows(
        "SELECT count(*), count(DISTINCT ticket_id) FROM queue_events WHERE kind = 'cancelled' AND reason = 'day_closed'"
    )


async def test_an_administrator_closes_the_day(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as console, HubClient(hub.url, clinic.monitor) as wall:
        await create_tickets(console)
        closed = await console.close_day("B")
        assert (closed.cancelled, closed.consulting) == (1, ())
        closed = await console.close_day()
        assert closed.cancelled == 3
        [still] = closed.consulting
        assert (still.number, still.counter, still.status) == ("A001", "R1", "consulting")
        line = wall.replica.lines.line("A")
        await until(lambda: (line.waiting_count, line.parked) == (0, ()))
        assert [t.number for t in line.consulting] == ["A001"]
        events = await wall.request("queue.subscribe", {"services": ["A"], "since": {"A": line.revision - 3}})
        closing_events = events["services"]["A"]["events"]
        assert {(e["kind"], e["reason"], e["ticket"]["status"]) for e in closing_events} == {
            ("cancelled", "day_closed", "cancelled")
        }
        assert (await console.close_day()).cancelled == 0
        assert (await console.complete(still.id)).status == "completed"
        assert (await console.join_queue("A")).number == "A005"
    assert [(subject, details["cancelled"], details["open"]) for _, subject, details in closings(clinic)] == [
        (closings(clinic)[0][1], 1, []),
        (closings(clinic)[0][1], 3, ["A001"]),
        (closings(clinic)[0][1], 0, ["A001"]),
    ]
    assert cancelled(clinic) == [(4, 4)]


@pytest.fixture
def local(clinic: Clinic) -> LocalTime:
    return LocalTime(clinic)


async def test_a_running_hub_closes_the_day_at_its_time(
    clinic: Clinic,
    local: LocalTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "server.connections.daily_close")

    async with (
        running(Hub(clinic.database_url, timings=Timings(day=0.1))) as hub,
        HubClient(hub.url, ADMIN) as console,
        HubClient(hub.url, clinic.monitor) as wall,
    ):
        await create_tickets(console)
        change(clinic, clinic_settings.set_site, {"day_closes": local.clock(minutes=10)})
        await until(lambda: clinic.rows("SELECT close_day_if_due('infinity')") == [(None,)])
        assert f"{local.now():%Y-%m-%d}" not in [subject for _, subject, _ in closings(clinic)]
        assert len((await console.snapshot("A")).waiting) == 2
        end_today(clinic, local)
        line = wall.replica.lines.line("A")
        await until(lambda: (line.waiting_count, line.parked) == (0, ()))
        assert (await console.join_queue("A")).number == "A005"
        assert clinic.rows("SELECT close_day_if_due('infinity')") == [(None,)]
        await until(lambda: line.waiting_count == 1)
    messages = [record.getMessage() for record in caplog.records if "closed the day" in record.getMessage()]
    assert messages[-1] == "The schedule closed the day: 4 cancelled, consultations left open: A001"
    actor, subject, details = closings(clinic)[-1]
    assert (actor, subject) == ("schedule", f"{local.now():%Y-%m-%d}")
    assert details == {"cancelled": 4, "open": ["A001"]}


async def test_a_hub_closes_a_missed_day_at_its_start(clinic: Clinic, local: LocalTime) -> None:
    end_today(clinic, local)
    first = HubProcess(clinic.database_url)

    async def today(hub: HubProcess) -> None:
        async with HubClient(hub.url, ADMIN) as console:
            await until(lambda: len(closings(clinic)) == 2)
            assert (await console.snapshot("A")).waiting == ()
            assert [t.number for t in (await console.snapshot("A")).consulting] == ["A001"]
            # A001 is still at its counter on the new business day.
            assert (await console.join_queue("A")).number == "A002"

    async with HubClient(first.url, ADMIN) as console:
        await until(lambda: len(closings(clinic)) == 1)
        await create_tickets(console)
    first.kill()
    # Three days pass without a hub.
    clinic.rows("UPDATE settings SET closed_day = closed_day - 3 RETURNING 1")
    clinic.rows(
        "UPDATE services SET business_day = business_day - 3 WHERE business_day > '-infinity' RETURNING 1"
    )
    clinic.rows("UPDATE tickets SET business_day = business_day - 3 RETURNING 1")
    later = HubProcess(clinic.database_url)
    await today(later)
    later.terminate()
    assert cancelled(clinic) == [(4, 4)]


async def test_several_hubs_close_the_day_once(clinic: Clinic, local: LocalTime, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as console:
        for _ in range(30):
            await console.join_queue("A")
    end_today(clinic, local)
    hubs = [HubProcess(clinic.database_url) for _ in range(4)]

    async with (
        HubClient(hubs[0].url, clinic.monitor) as wall,
        HubClient(hub.url, clinic.monitor) as other,
    ):
        for client in (wall, other):
            line = client.replica.lines.line("A")
            await until(lambda line=line: line.revision == 60 and not line.waiting_count)  # type: ignore[misc]
    for started in hubs:
        started.terminate()
    assert len(closings(clinic)) == 1
    assert cancelled(clinic) == [(30, 30)]


def test_a_day_may_close_after_midnight(clinic: Clinic) -> None:
    """A close at 01:00, with days that start at 04:00, ends the day before."""
    change(
        clinic,
        clinic_settings.set_site,
        {"time_zone": "Europe/Berlin", "day_starts": "04:00", "day_closes": "01:00"},
    )
    for moment, day in (("2026-11-23 23:59", "2026-11-22"), ("2026-11-24 00:00", "2026-11-23")):
        assert str(clinic.rows(f"SELECT ended_business_day('{moment} UTC')")[0][0]) == day
    change(clinic, clinic_settings.set_site, {"day_closes": "20:00"})
    for moment, day in (("2026-11-23 18:59", "2026-11-22"), ("2026-11-23 19:00", "2026-11-23")):
        assert str(clinic.rows(f"SELECT ended_business_day('{moment} UTC')")[0][0]) == day


async def test_closing_the_day_closes_no_service(clinic: Clinic, local: LocalTime, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as console:
        with business_days(clinic, local) as begin_today:
            await console.join_queue("A")
            await console.close_day()
            assert (await console.join_queue("A")).position == 1
            await console.close_service("A")
            begin_today()
            with pytest.raises(ServiceClosed):
                await console.join_queue("A")
            assert (await console.close_day("A")).cancelled == 1


@pytest.mark.logs_expected
async def test_a_clock_that_jumps_cancels_no_patient(
    clinic: Clinic, local: LocalTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's clock and the database's differ by two hours: only a person closes the day."""
    readings: list[datetime] = []

    def late() -> datetime:
        readings.append(datetime.now(UTC) - timedelta(minutes=125))
        return readings[-1]

    monkeypatch.setattr(daily_close, "wall_time", late)
    async with (
        running(Hub(clinic.database_url, timings=Timings(day=0.05))) as hub,
        HubClient(hub.url, ADMIN) as console,
    ):
        await create_tickets(console)
        end_today(clinic, local)
        report = hub.components.condition.report
        await until(lambda: "clock" in [c.check for c in report().checks if c.level == "failed"])
        [clock] = [check for check in report().checks if check.check == "clock"]
        assert clock.sentence == "The hub's clock and the database's differ by 2 hours."
        checks = len(readings)
        await until(lambda: len(readings) > checks + 2)
        assert len((await console.snapshot("A")).waiting) == 2
        assert (await console.close_day()).cancelled == 4
        assert clinic.rows("SELECT day_to_close() ->> 'ended'") == [(None,)]


SETTINGS = [
    {"day_closes": -150},
    {"day_closes": -1, "day_starts": -90},
    {"day_closes": 60, "time_zone": 2},
]
"""Shifts in minutes of a time of day, in hours of the time zone."""


@pytest.mark.parametrize("change_of", SETTINGS)
def test_no_change_of_the_schedule_cancels_a_patient(
    clinic: Clinic, local: LocalTime, change_of: dict[str, int]
) -> None:
    clinic.rows("SELECT join_queue('user:1', 'k', '', 'A')")
    clinic.rows("UPDATE settings SET closed_day = business_day_now() - 1 RETURNING 1")
    typed = {name: local.clock(minutes=shift) for name, shift in change_of.items() if name != "time_zone"}
    if hours := change_of.get("time_zone"):
        typed["time_zone"] = LocalTime(clinic, 12 + hours).zone
    change(clinic, clinic_settings.set_site, typed)
    assert clinic.rows("SELECT close_day_if_due('infinity')") == [(None,)]
    assert clinic.rows("SELECT next_close() > clock_timestamp() FROM settings") == [(True,)]
