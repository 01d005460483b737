"""A test for each promise of README, named after it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.client.hub_client import HubClient
from core.wire.session import PersonCredentials
from server.checks.integrity import broken_links
from tests.support.at_once import CROWD, Crowd, calling, desks, joins, ticket_of
from tests.support.canaries import leak_in, name_of
from tests.support.clinic import PASSWORD, Clinic
from tests.support.hub_process import HubProcess
from tests.support.readme import name_of_test, promises
from tests.support.waiting import until
from tests.support.wire_recording import RecordingRelay


@pytest.mark.parametrize("promise", promises())
def test_each_promise_has_its_test_here(promise: str) -> None:
    assert name_of_test(promise) in globals()


async def test_no_number_twice_no_place_twice_no_patient_called_twice(clinic: Clinic) -> None:
    counters = await asyncio.to_thread(desks, clinic)
    async with Crowd(clinic, CROWD) as crowd:
        joined = [ticket_of(answer) for answer in await crowd.at_once(*joins(CROWD))]
        assert len({ticket.number for ticket in joined}) == CROWD
        assert sorted(ticket.position or 0 for ticket in joined) == [*range(1, CROWD + 1)]
        called = [ticket_of(answer) for answer in await crowd.at_once(*map(calling, counters))]
    assert {ticket.id for ticket in called} == {ticket.id for ticket in joined}


async def test_nothing_acknowledged_is_lost_nothing_happens_twice(clinic: Clinic, hub: HubProcess) -> None:
    acknowledged: list[str] = []
    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        for _ in range(5):
            acknowledged += [(await kiosk.join_queue("A")).id for _ in range(3)]
            asked = asyncio.get_running_loop().create_task(kiosk.join_queue("A"))
            await asyncio.sleep(0)
            await asyncio.to_thread(hub.kill)
            await asyncio.to_thread(hub.restart)
            acknowledged.append((await asked).id)
    kept = [str(ticket) for (ticket,) in clinic.rows("SELECT id FROM tickets")]
    assert sorted(kept) == sorted(acknowledged)


async def test_nothing_completes_by_itself(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as desk:
        await desk.join_queue("A")
        called = (await desk.call_next_patient("R1")).ticket
    assert called is not None
    await asyncio.to_thread(hub.kill)
    await asyncio.to_thread(hub.restart)
    async with HubClient(hub.url, PersonCredentials("admin", PASSWORD)) as office:
        await office.close_day()
        assert (await office.get_ticket(called.id)).status == "consulting"
        assert (await office.complete(called.id)).status == "completed"


async def test_no_name_on_a_public_screen(clinic: Clinic, hub: HubProcess) -> None:
    async with (
        RecordingRelay(hub.url) as hall,
        HubClient(hall.url, clinic.kiosk),
        HubClient(hall.url, clinic.monitor) as monitor,
        HubClient(hub.url, clinic.staff) as desk,
    ):
        ticket = await desk.join_queue("A", None, name_of(1))
        await desk.update_ticket(ticket.id, note=name_of(2))
        await desk.call_next_patient("R1")
        line = monitor.replica.lines.line("A")
        await until(lambda: [each.id for each in line.consulting] == [ticket.id])
        streams = [bytes(recording.received) for recording in hall.recordings]
    assert all(ticket.id.encode() in stream for stream in streams)
    assert [leak_in(stream) for stream in streams] == [None, None]


async def test_every_window_is_right_again_after_any_outage(clinic: Clinic, hub: HubProcess) -> None:
    async with RecordingRelay(hub.url) as wire, HubClient(wire.url, clinic.monitor) as window:
        line = window.replica.lines.line("A")
        for missed in (3, 600):
            wire.cut()
            query = (
                f"SELECT join_queue('user:1', '{missed} ' || n, '', 'A') FROM generate_series(1, {missed}) n"
            )
            await asyncio.to_thread(clinic.rows, query)
            await asyncio.to_thread(hub.kill)
            await asyncio.to_thread(hub.restart)
            wire.restore()
            await until(lambda: [ticket.number for ticket in line.waiting] == numbers_in(clinic))


def numbers_in(clinic: Clinic) -> list[str]:
    """Returns the numbers of line A in the database, in order."""
    rows = "SELECT number FROM tickets WHERE status = 'waiting' ORDER BY position_in_queue"
    return [str(number) for (number,) in clinic.rows(rows)]


def test_the_history_cant_be_rewritten_unnoticed(clinic: Clinic) -> None:
    clinic.rows("SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 5) n")
    engine = clinic.engine()
    assert list(broken_links(engine)) == []
    rewritten = text("UPDATE queue_events SET actor = 'user:2' WHERE revision = 3")
    with engine.begin() as connection, pytest.raises(DBAPIError):
        connection.execute(rewritten)
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(rewritten)
    assert list(broken_links(engine)) == ["A: event 3 is not as it was written"]
    engine.dispose()
