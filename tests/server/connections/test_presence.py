"""Counters of people who have gone: free, or to be taken over with their patient."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from core.client.hub_client import HubClient
from core.errors import CounterTaken
from core.wire.session import PersonCredentials
from server.administration import clinic_settings, people_and_devices
from server.connections import presence
from server.connections.hub import Hub
from server.timings import Timings
from tests.support.clinic import PASSWORD, Clinic
from tests.support.clinic_clock import change
from tests.support.hub_process import running
from tests.support.waiting import until

QUICK = Timings(presence=0.05, admission=0.1)
COLLEAGUE = PersonCredentials("colleague", PASSWORD)


@pytest.fixture
def clinic(clinic: Clinic) -> Clinic:
    """With a colleague, and a counter that is free after half a second."""
    engine = clinic.engine()
    people_and_devices.add_user(engine, "colleague", "staff", PASSWORD)
    engine.dispose()
    clinic.rows("UPDATE settings SET counter_free_after = '500 ms' RETURNING 1")
    return clinic


@asynccontextmanager
async def quick_hub(clinic: Clinic, timings: Timings = QUICK) -> AsyncIterator[Hub]:
    async with running(Hub(clinic.database_url, timings=timings)) as hub:
        yield hub


def holders(clinic: Clinic) -> dict[str, Any]:
    """Counter -> the account's name."""
    query = "SELECT code, username FROM counters LEFT JOIN users u ON u.id = held_by"
    return {row.code: row.username for row in clinic.rows(query)}


def freed(clinic: Clinic) -> list[Any]:
    """The reasons for which counters were freed."""
    return [
        reason
        for (reason,) in clinic.rows(
            "SELECT details ->> 'reason' FROM admin_events WHERE kind = 'counter_freed' ORDER BY id"
        )
    ]


async def test_a_counter_is_free_some_time_after_its_holder_left(clinic: Clinic) -> None:
    async with quick_hub(clinic) as hub, HubClient(hub.url, COLLEAGUE) as colleague:
        async with HubClient(hub.url, clinic.staff) as holder:
            await holder.open_counter("R1")
            seen = "SELECT count(*) FROM hubs WHERE uptime > '1 second'"
            await until(lambda: clinic.rows(seen) == [(1,)])
            with pytest.raises(CounterTaken, match="staff is working at this counter"):
                await colleague.open_counter("R1")
        await until(lambda: holders(clinic)["R1"] is None)
        assert freed(clinic) == ["away"]
        await until(lambda: colleague.replica.counters[0].held_by is None)
        assert (await colleague.open_counter("R1")).held_by == "colleague"


async def test_another_hubs_uptime_frees_nothing(clinic: Clinic) -> None:
    async with quick_hub(clinic) as hub, HubClient(hub.url, clinic.staff) as holder:
        await holder.open_counter("R1")
        await until(lambda: clinic.rows("SELECT count(*) FROM presence WHERE seen_at > '0'") == [(1,)])
    assert clinic.rows("SELECT note_presence('another hub', '{}', 3600)") == [([],)]
    assert holders(clinic)["R1"] == "staff"
    [(address,)] = clinic.rows("SELECT hub FROM presence")
    assert clinic.rows(f"SELECT note_presence('{address}', '{{}}', 0.4)") == [([],)]
    assert clinic.rows(f"SELECT note_presence('{address}', '{{}}', 0.2)") == [(["R1"],)]


async def test_a_frozen_hub_does_not_count_as_up(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an hour's freeze a hub reports as if three intervals had passed, before its windows are back."""
    seconds = 0.0
    monkeypatch.setattr(presence, "monotonic", lambda: seconds)
    async with quick_hub(clinic):
        await until(lambda: clinic.rows("SELECT uptime FROM hubs") == [(timedelta(),)])
        seconds = 3600.0
        thrice = timedelta(seconds=presence.MOST_INTERVALS * QUICK.presence)
        await until(lambda: clinic.rows("SELECT uptime FROM hubs") == [(thrice,)])


@pytest.mark.parametrize("how", ["signed_out", "disabled", "day_closed"])
async def test_a_counter_is_free_at_once(clinic: Clinic, how: str) -> None:
    clinic.rows("UPDATE settings SET counter_free_after = '1 hour' RETURNING 1")
    admin = PersonCredentials("admin", PASSWORD)
    async with (
        quick_hub(clinic) as hub,
        HubClient(hub.url, admin) as console,
        HubClient(hub.url, clinic.staff) as holder,
    ):
        await holder.open_counter("R1")
        if how == "signed_out":
            await holder.request("session.end", {})
        elif how == "disabled":
            change(clinic, people_and_devices.disable_user, "staff")
        else:
            await console.close_day()
        assert freed(clinic) == [how]
        await until(lambda: console.replica.counters[0].held_by is None)


async def test_an_expired_session_frees_its_counter(clinic: Clinic) -> None:
    async with quick_hub(clinic) as hub, HubClient(hub.url, clinic.staff) as holder:
        await holder.open_counter("R1")
        await until(lambda: clinic.rows("SELECT count(*) FROM presence") == [(1,)])
        clinic.rows("UPDATE sessions SET expires_at = clock_timestamp() RETURNING 1")
        await until(lambda: freed(clinic) == ["signed_out"])


async def test_a_second_console_keeps_the_counter(clinic: Clinic) -> None:
    async with quick_hub(clinic) as hub, quick_hub(clinic) as other:
        async with HubClient(hub.url, clinic.staff) as first, HubClient(other.url, clinic.staff) as second:
            await first.open_counter("R1")
            await first.request("session.end", {})
            await second.join_queue("A")
        await until(lambda: freed(clinic) == ["away"])


async def test_a_holder_whom_no_hub_has_noted_does_not_keep_the_counter(clinic: Clinic) -> None:
    """The hub was killed, or the window closed, before the first report."""
    clinic.rows("UPDATE counters SET held_by = 1 WHERE code = 'R1' RETURNING 1")
    clinic.rows("INSERT INTO sessions SELECT '\\x01', 1, now() + interval '1 h' RETURNING 1")
    async with quick_hub(clinic):
        await until(lambda: freed(clinic) == ["away"])


async def test_a_patient_is_taken_over_with_the_counter(clinic: Clinic) -> None:
    async with quick_hub(clinic) as hub, HubClient(hub.url, COLLEAGUE) as colleague:
        async with HubClient(hub.url, clinic.staff) as holder:
            ticket = await holder.join_queue("A")
            await holder.call_patient(ticket.id, "R1")
        await until(lambda: colleague.replica.counters[0].away)
        with pytest.raises(CounterTaken, match=r"staff has gone\. Open the counter"):
            await colleague.complete(ticket.id)
        assert holders(clinic)["R1"] == "staff"
        counter = await colleague.open_counter("R1")
        assert (counter.held_by, counter.ticket and counter.ticket.number) == ("colleague", "A001")
        assert (await colleague.complete(ticket.id)).status == "completed"
    [(details,)] = clinic.rows("SELECT details FROM admin_events WHERE kind = 'counter_open'")
    assert details == {"reason": None, "taken_from": "user:1", "patient": "A001"}


async def test_a_supervisor_who_opens_a_held_counter_holds_it(clinic: Clinic) -> None:
    async with (
        quick_hub(clinic) as hub,
        HubClient(hub.url, clinic.staff) as holder,
        HubClient(hub.url, clinic.supervisor) as supervisor,
    ):
        await holder.open_counter("R1")
        assert (await supervisor.pause_counter("R1")).held_by == "staff"
        assert (await supervisor.open_counter("R1")).held_by == "supervisor"
        with pytest.raises(CounterTaken):
            await holder.open_counter("R1")
        await supervisor.close_counter("R1")
        assert (await holder.open_counter("R1")).held_by == "staff"


def test_the_list_of_counters_names_the_holder(clinic: Clinic) -> None:
    clinic.rows("UPDATE counters SET held_by = 1 WHERE code = 'R1' RETURNING 1")
    assert [
        line.split("\t")[-1]
        for line in change(clinic, lambda engine: list(clinic_settings.list_counters(engine)))
    ] == ["staff", ""]
