"""Estimates of the wait: given when a patient joins, stored, compared with the actual wait, never in the way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.client.hub_client import HubClient
from core.line.tickets import QueueEvent, ServiceSummary, WaitBracket
from server.chores import Chores
from server.connections.hub import Hub
from server.database.calls import Database
from server.pushes.clinic_lists import ClinicLists
from server.pushes.wait_keeper import KEPT_ESTIMATES, WaitKeeper
from server.timings import Timings
from tests.server.operations.test_wait_times import consult
from tests.support.builders import NOW, make_ticket
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess, running
from tests.support.waiting import until

STORED = """
SELECT number, low_seconds, high_seconds, waited_seconds
FROM wait_estimates JOIN tickets ON id = ticket_id ORDER BY number
"""


def service(client: HubClient, code: str) -> ServiceSummary:
    return next(service for service in client.replica.services if service.code == code)


async def found(clinic: Clinic, query: str, expected: Any, seconds: float = 15) -> None:
    """Waits until the query finds the expected rows."""
    deadline = asyncio.get_running_loop().time() + seconds
    while (rows := await asyncio.to_thread(clinic.rows, query)) != expected:
        assert asyncio.get_running_loop().time() < deadline, rows
        await asyncio.sleep(0.1)


async def test_a_patients_estimate_and_actual_wait_are_stored(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(hub.url, clinic.staff) as console:
        first, second = await kiosk.join_queue("A"), await kiosk.join_queue("A")
        assert (first.estimated_wait, second.estimated_wait) == (WaitBracket(0, 300), WaitBracket(0, 300))
        await console.call_next_patient("R1")
        await until(lambda: service(kiosk, "A").estimated_wait != WaitBracket(0, 300))
        third = await kiosk.join_queue("A")
        assert third.estimated_wait == service(kiosk, "A").estimated_wait == WaitBracket(300, 1800)
        rows = [("A001", 0, 300, 0), ("A002", 0, 300, None), ("A003", 300, 1800, None)]
        await found(clinic, STORED, rows)


async def test_estimates_follow_the_pace_of_the_consultations(clinic: Clinic) -> None:
    often = Timings(estimates=0.05, paces=0.2)
    async with (
        running(Hub(clinic.database_url, timings=often)) as hub,
        HubClient(hub.url, clinic.staff) as console,
    ):
        for _ in range(8):
            await console.join_queue("A")
        last = await console.join_queue("A")
        called = (await console.call_next_patient("R1")).ticket
        assert called is not None
        await until(lambda: service(console, "A").estimated_wait == WaitBracket(4200, 6600))
        await asyncio.to_thread(consult, clinic, [60.0] * 40)
        await console.complete(called.id)
        await until(lambda: service(console, "A").estimated_wait == WaitBracket(300, 600))
        assert (await console.get_ticket(last.id)).estimated_wait == WaitBracket(300, 600)
    assert clinic.rows("SELECT pace_seconds, pace_samples FROM services WHERE code = 'A'") == [(59, 41)]


async def test_there_is_no_estimate_while_every_counter_is_paused(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(hub.url, clinic.staff) as console:
        for counter in ("R1", "R2"):
            await console.pause_counter(counter)
        ticket = await kiosk.join_queue("A")
        assert ticket.estimated_wait is None
        await console.open_counter("R1")
        assert (await kiosk.get_ticket(ticket.id)).estimated_wait == WaitBracket(0, 300)
    assert await asyncio.to_thread(clinic.rows, "SELECT * FROM wait_estimates") == []


async def test_clients_learn_that_a_service_closed_by_the_clock(clinic: Clinic, hub: HubProcess) -> None:
    closing = """
        INSERT INTO opening_hours (service_id, weekday, opens, closes)
        SELECT id, extract(isodow FROM ends - interval '1 day'), ends::time, ends::time
        FROM services, LATERAL (SELECT (clock_timestamp() AT TIME ZONE 'UTC') + interval '4 s' AS ends) soon
        WHERE code = 'A' RETURNING 1
    """

    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        assert service(kiosk, "A").state == "open"
        await asyncio.to_thread(clinic.rows, closing)
        await until(lambda: service(kiosk, "A").state == "closed")
        assert service(kiosk, "A").opens_at is not None
        assert service(kiosk, "B").state == "open"


def joined(number: int) -> QueueEvent:
    ticket = make_ticket(f"A{number:03}", id=f"00000000-0000-0000-0000-{number:012}", position=1)
    return QueueEvent(service="A", revision=number, kind="joined", at=NOW, ticket=ticket)


@pytest.mark.logs_expected
async def test_without_a_database_only_estimates_are_lost(
    clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(clinic.database_url)
    await database.open(Chores())
    clinic_lists = ClinicLists(database)
    await clinic_lists.refresh()
    keeper = WaitKeeper(database, clinic_lists, lambda: None)
    await database.close()
    keeper.observe_joined(joined(number) for number in range(KEPT_ESTIMATES + 500))
    assert len(keeper.unwritten) == KEPT_ESTIMATES
    keeper.start(Chores())
    await until(lambda: not keeper.unwritten)
    keeper.observe_joined([joined(1)])
    await until(lambda: not keeper.unwritten)
    lost = [
        record.getMessage() for record in caplog.records if "wait estimates are lost" in record.getMessage()
    ]
    assert len(lost) == 2


async def test_only_staffed_counters_count_once_a_counter_is_staffed(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        for _ in range(7):
            await console.join_queue("A")
        await until(lambda: service(console, "A").waiting == 7)
        before = service(console, "A").estimated_wait
        await console.open_counter("R1")
        await until(lambda: service(console, "A").estimated_wait != before)
        alone = service(console, "A").estimated_wait
        assert before is not None
        assert alone is not None
        assert (before.low, alone.low) == (1500, 3300)
