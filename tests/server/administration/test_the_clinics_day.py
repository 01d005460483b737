"""Opening hours, closed days, quotas and numbers as a kiosk sees them, at any time of the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from core.client.hub_client import HubClient
from core.errors import ServiceClosed, ServiceFull
from server.administration import clinic_settings
from tests.support.clinic import Clinic
from tests.support.clinic_clock import LocalTime, business_days, change
from tests.support.hub_process import HubProcess
from tests.support.waiting import until


def set_hours(clinic: Clinic, hours: str, last_ticket: str = "0") -> None:
    change(clinic, clinic_settings.set_service, "A", {"hours": hours, "last_ticket": last_ticket})


async def assert_state(kiosk: HubClient, state: str, opens_at: datetime | None = None) -> None:
    """Waits until the kiosk shows the state, and joins: only an open service accepts."""
    await until(
        lambda: (kiosk.replica.services[0].state, kiosk.replica.services[0].opens_at) == (state, opens_at)
    )
    if state == "open":
        await kiosk.join_queue("A")
    else:
        with pytest.raises(ServiceClosed):
            await kiosk.join_queue("A")


async def test_the_state_around_opening_last_ticket_and_closing(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic)

    def at(clock: str, days: int = 0) -> datetime:
        """A local time `days` from today, in UTC as on the wire."""
        hour, minute = map(int, clock.split(":"))
        moment = local.now(days=days).replace(hour=hour, minute=minute, second=0, microsecond=0)
        return moment.astimezone(UTC)

    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        await assert_state(kiosk, "open")
        today, soon, before, later = local.day(), *(local.clock(minutes=m) for m in (10, -10, 60))
        set_hours(clinic, f"{today} {soon}-{later}")
        await assert_state(kiosk, "closed", at(soon))
        set_hours(clinic, f"{today} {before}-{soon}")
        await assert_state(kiosk, "open")
        set_hours(clinic, f"{today} {before}-{soon}", "15")
        await assert_state(kiosk, "closed", at(before, 7))
        set_hours(clinic, f"{today} {before}-{soon}", "5")
        await assert_state(kiosk, "open")
        set_hours(clinic, f"{today} 00:00-{before} {soon}-24:00")
        await assert_state(kiosk, "closed", at(soon))
        set_hours(clinic, f"{local.day(days=1)} 08:00-09:00")
        await assert_state(kiosk, "closed", at("08:00", 1))
        assert len((await kiosk.snapshot("A")).waiting) == 3


async def test_opening_hours_over_midnight(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic, hour=0)

    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        set_hours(clinic, f"{local.day(days=-1)} 20:00-02:00")
        await assert_state(kiosk, "open")
        set_hours(clinic, f"{local.day()} 20:00-02:00")
        tonight = local.now().replace(hour=20, minute=0, second=0, microsecond=0)
        await assert_state(kiosk, "closed", tonight.astimezone(UTC))
        set_hours(clinic, f"{local.day(days=-1)} 20:00-24:00; {local.day()} 00:00-08:00")
        await assert_state(kiosk, "open")


async def test_the_clock_alone_opens_and_closes(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic)

    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        set_hours(clinic, f"{local.day(days=1)} 08:00-09:00")
        tomorrow = local.now(days=1).replace(hour=8, minute=0, second=0, microsecond=0)
        await assert_state(kiosk, "closed", tomorrow.astimezone(UTC))
        local.open_for("A", {"seconds": 2.5}, {"seconds": 5})
        await assert_state(kiosk, "open")
        await assert_state(kiosk, "closed", tomorrow.astimezone(UTC))


async def test_a_closed_day_closes_a_service_or_all(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic)
    today = f"{local.now():%Y-%m-%d}"
    tomorrow = local.now(days=1).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)

    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        change(clinic, clinic_settings.close_on, today, "A")
        await assert_state(kiosk, "closed", tomorrow)
        assert (await kiosk.join_queue("B")).number == "B001"
        change(clinic, clinic_settings.open_on, today, "A")
        await assert_state(kiosk, "open")
        change(clinic, clinic_settings.close_on, today, None)
        change(clinic, clinic_settings.close_on, today, None)
        await assert_state(kiosk, "closed", tomorrow)
        with pytest.raises(ServiceClosed):
            await kiosk.join_queue("B")
    assert clinic.rows("SELECT count(*) FROM closed_days") == [(1,)]


async def test_a_pause_closes_a_service_within_its_hours(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic)
    set_hours(clinic, f"{local.day()} 00:00-24:00")

    async with (
        HubClient(hub.url, clinic.kiosk) as kiosk,
        HubClient(hub.url, clinic.supervisor) as console,
    ):
        await console.pause_service("A")
        await until(lambda: kiosk.replica.services[0].state == "paused")
        await console.open_service("A")
        set_hours(clinic, f"{local.day(days=1)} 00:00-24:00")
        await until(lambda: kiosk.replica.services[0].state == "closed")
        assert (await console.open_service("A")).state == "closed"
        with pytest.raises(ServiceClosed):
            await console.join_queue("A")


async def test_a_quota_counts_the_tickets_of_a_business_day(clinic: Clinic, hub: HubProcess) -> None:
    change(clinic, clinic_settings.set_service, "A", {"quota": "2"})
    local = LocalTime(clinic)

    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.kiosk) as kiosk:
        with business_days(clinic, local) as begin_today:
            first, second = await console.join_queue("A"), await console.join_queue("A")
            with pytest.raises(ServiceFull):
                await kiosk.join_queue("A")
            await until(lambda: kiosk.replica.services[0].state == "full")
            await console.undo()
            third = await console.join_queue("A")
            await console.cancel(third.id)
            with pytest.raises(ServiceFull):
                await kiosk.join_queue("A")
            assert (first.number, second.number, third.number) == ("A001", "A002", "A003")
            begin_today()
            await until(lambda: kiosk.replica.services[0].state == "open")
            today = await kiosk.join_queue("A")
        # A001 still waits from yesterday.
        assert (today.number, today.business_day) == ("A002", f"{local.now():%Y-%m-%d}")
        assert first.business_day == f"{local.now(days=-1):%Y-%m-%d}"


async def test_numbers_restart_with_the_business_day(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic, hour=3)

    async with HubClient(hub.url, clinic.staff) as console:
        with business_days(clinic, local) as begin_today:
            for _ in range(3):
                last = await console.join_queue("A")
            await console.cancel(last.id)
            await console.call_next_patient("R1")
            begin_today()
            await until(lambda: clinic.rows("SELECT business_day_now()") == [(local.now().date(),)])
            # A001 is at a counter, A002 still waits.
            assert [(await console.join_queue("A")).number for _ in range(2)] == ["A003", "A004"]
        assert [t.number for t in (await console.snapshot("A")).waiting] == ["A002", "A003", "A004"]
        assert (await console.snapshot("A")).missed == ()


def test_the_business_day_follows_the_time_zone_of_the_site(clinic: Clinic) -> None:
    # The zones are 26 hours apart: their dates always differ.
    days = []
    for zone in ("Etc/GMT+12", "Pacific/Kiritimati"):
        change(clinic, clinic_settings.set_site, {"time_zone": zone})
        [(day,)] = clinic.rows("SELECT business_day_now()")
        days.append(day)
    assert days[1] - days[0] in (timedelta(days=1), timedelta(days=2))


BERLIN = [
    # 29 March 2026: at 01:00 UTC the clock goes from 02:00 to 03:00.
    ("04:00", "2026-03-29 01:59:59", "2026-03-28"),
    ("04:00", "2026-03-29 02:00:00", "2026-03-29"),
    ("02:30", "2026-03-29 00:59:59", "2026-03-28"),
    ("02:30", "2026-03-29 01:00:00", "2026-03-29"),
    ("00:00", "2026-03-28 23:00:00", "2026-03-29"),
    # 25 October 2026: at 01:00 UTC from 03:00 back to 02:00.
    ("04:00", "2026-10-25 02:59:59", "2026-10-24"),
    ("04:00", "2026-10-25 03:00:00", "2026-10-25"),
    ("02:30", "2026-10-25 00:29:59", "2026-10-24"),
    ("02:30", "2026-10-25 00:30:00", "2026-10-25"),
    ("02:30", "2026-10-25 01:30:00", "2026-10-25"),
    ("00:00", "2026-10-24 22:00:00", "2026-10-25"),
]
"""(start of the day, moment in UTC, expected business day)."""


def test_the_business_day_over_daylight_saving(clinic: Clinic) -> None:
    for day_starts, moment, day in BERLIN:
        change(clinic, clinic_settings.set_site, {"time_zone": "Europe/Berlin", "day_starts": day_starts})
        found = clinic.rows(f"SELECT business_day_at('{moment}+00')")
        assert found == [(date.fromisoformat(day),)], (day_starts, moment)


def test_the_business_day_never_goes_back(clinic: Clinic) -> None:
    change(clinic, clinic_settings.set_site, {"time_zone": "Europe/Berlin", "day_starts": "02:30"})
    # The hour from 02:00 occurs twice in that night; the day begins in its first occurrence.
    days = clinic.rows(
        "SELECT business_day_at(at) FROM generate_series(timestamptz '2026-10-24 23:00+00', '2026-10-25 03:00+00',"
        " '1 minute') at ORDER BY at"
    )
    assert days == sorted(days)
    assert days[120:] == [(date(2026, 10, 25),)] * 121
    clinic.rows("UPDATE services SET business_day = '2026-10-25', next_number = 8 RETURNING 1")
    begun = "SELECT (s2).business_day, (s2).next_number FROM (SELECT begin_business_day(s, '{}') s2 FROM services s) b"
    assert set(clinic.rows(begun.format("2026-10-25"))) == {(date(2026, 10, 25), 8)}
    assert set(clinic.rows(begun.format("2026-10-26"))) == {(date(2026, 10, 26), 1)}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Havana"])
def test_hours_in_the_repeated_hour_open_and_close_once(clinic: Clinic, zone: str) -> None:
    """In Havana the hour before 01:00 comes twice, on Lord Howe Island half an hour before 02:00."""
    change(clinic, clinic_settings.set_site, {"time_zone": zone, "day_starts": "02:15"})
    for hours in ("sun 01:45-02:30", "sun 00:15-00:30", "sat 23:00-01:40"):
        set_hours(clinic, hours)
        states = clinic.rows(
            "SELECT service_state(s, at) FROM services s, generate_series(timestamptz '2026-{0} 00:00+00',"
            " timestamptz '2026-{0} 00:00+00' + interval '60 hours', '5 minutes') at WHERE code = 'A' ORDER BY at".format(
                {"E": "10-24", "A": "04-04" if "Lord" in zone else "10-31"}[zone[0]]
            )
        )
        changes = [now for now, before in zip(states, [(None,), *states], strict=False) if now != before]
        assert changes == [("closed",), ("open",), ("closed",)], hours


def test_a_scheduled_close_in_the_repeated_hour_comes_once(clinic: Clinic) -> None:
    change(clinic, clinic_settings.set_site, {"time_zone": "Europe/Berlin", "day_closes": "02:30"})
    ended = clinic.rows(
        "SELECT ended_business_day(at) FROM generate_series(timestamptz '2026-10-24 23:00+00',"
        " '2026-10-25 03:00+00', '1 minute') at ORDER BY at"
    )
    assert ended == sorted(ended)
    assert ended.count((date(2026, 10, 24),)) == 90


def test_opening_hours_over_daylight_saving(clinic: Clinic) -> None:
    """Hours keep their local time in summer, in winter, and on the days of the change."""
    change(clinic, clinic_settings.set_site, {"time_zone": "Europe/Berlin"})
    set_hours(clinic, "mon-sun 09:00-10:00")
    state = (
        "SELECT service_state(s, '{} UTC'), service_opens_at(s, '{} UTC') FROM services s WHERE code = 'A'"
    )
    for moment, expected, opens in (
        ("2026-03-28 08:30", "open", "2026-03-29 07:00"),
        ("2026-03-29 06:59", "closed", "2026-03-29 07:00"),
        ("2026-03-29 07:30", "open", "2026-03-30 07:00"),
        ("2026-10-24 07:30", "open", "2026-10-25 08:00"),
        ("2026-10-25 07:30", "closed", "2026-10-25 08:00"),
        ("2026-10-25 08:30", "open", "2026-10-26 08:00"),
    ):
        [(found, opens_at)] = clinic.rows(state.format(moment, moment))
        assert (found, opens_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")) == (expected, opens), moment
