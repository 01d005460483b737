"""Concurrency faults of other queue programs, each as a test that would find it: those that concern a hub.

Each docstring begins with the program: FQM, The Q and its predecessor sbc-qsystem, OpenMRS queues, QSystem, Novo SGA,
ZMS, SimplQ or qtrcipher's MVP.
"""

from __future__ import annotations

import asyncio
import http.client
from typing import Any

import pytest

from core.client.hub_client import HubClient
from core.errors import CounterBusy, InvalidParams, NotWaiting
from core.line.tickets import Ticket
from tests.support.at_once import after_each_other, desks, moving
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import WAIT_SECONDS, until

READINGS: dict[str, dict[str, Any]] = {
    "queue.snapshot": {"service": "A"},
    "queue.subscribe": {"services": None},
    "services.list": {},
    "counters.list": {},
    "ping": {},
}
PATHS = ("/", "/livez", "/readyz", "/metrics", "/ws", "/pull", "/queue.call_next?counter=R1")
EVERYTHING = (
    "SELECT md5(string_agg(t::text, '')) FROM tickets t "
    "UNION ALL SELECT md5(string_agg(s::text, '')) FROM services s"
)

# --- calls ----------------------------------------------------------------------------------------------


async def test_a_patient_called_by_two_nurses_goes_to_the_first(clinic: Clinic, hub: HubProcess) -> None:
    """OpenMRS: nurses select a row and press; the second call overwrote the first and was reported as successful."""

    async with (
        HubClient(hub.url, clinic.staff) as staff,
        HubClient(hub.url, clinic.supervisor) as supervisor,
    ):
        ticket, bystander = await staff.join_queue("A"), await staff.join_queue("A")
        calls = staff.call_patient(ticket.id, "R1"), supervisor.call_patient(ticket.id, "R2")
        called, refused = sorted(
            await asyncio.gather(*calls, return_exceptions=True), key=lambda r: isinstance(r, Exception)
        )
        assert isinstance(called, Ticket)
        assert isinstance(refused, NotWaiting)
        assert (await staff.get_ticket(ticket.id)).counter == called.counter
        assert (await staff.get_ticket(bystander.id)).status == "waiting"


async def test_a_desk_never_has_two_patients(clinic: Clinic, hub: HubProcess) -> None:
    """Novo SGA: an operator who pressed twice got two open calls."""

    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.staff) as again:
        for _ in range(3):
            await console.join_queue("A")
        presses = [client.call_next_patient("R1") for client in (console, again, console)]
        answers = await asyncio.gather(*presses, return_exceptions=True)
        assert sum(isinstance(answer, CounterBusy) for answer in answers) == 2
    assert clinic.rows("SELECT count(*) FROM tickets WHERE status = 'consulting'") == [(1,)]


async def test_a_double_press_completes_a_single_patient(clinic: Clinic, hub: HubProcess) -> None:
    """sbc-qsystem: clerks had to wait a second between two clicks."""

    async with HubClient(hub.url, clinic.staff) as console:
        first, second, _ = [await console.join_queue("A") for _ in range(3)]
        await console.call_next_patient("R1")
        presses = [console.call_next_patient("R1", complete=first.id) for _ in range(2)]
        await asyncio.gather(*presses, return_exceptions=True)
        assert (await console.get_ticket(second.id)).status == "consulting"
    assert clinic.rows("SELECT count(*) FROM tickets WHERE status = 'completed'") == [(1,)]


async def test_the_wall_lists_patients_in_the_order_in_which_they_are_called(
    clinic: Clinic, hub: HubProcess
) -> None:
    """FQM: the wall sorted by an empty column, the call by another column."""
    counters = desks(clinic)

    async with (
        HubClient(hub.url, clinic.supervisor) as desk,
        HubClient(hub.url, clinic.monitor) as monitor,
    ):
        tickets = [await desk.join_queue("A", p) for p in ("low", "medium", "high", "medium", "low")]
        await desk.move(tickets[0].id, 2)
        await desk.unpark((await desk.park(tickets[1].id)).id, "last")
        line = monitor.replica.lines.line("A")
        await until(lambda: line.revision == 8)
        listed = [ticket.number for ticket in line.waiting]
        assert [ticket.number for ticket in (await desk.snapshot("A")).waiting] == listed
        called = [(await desk.call_next_patient(code)).ticket for code in counters[:5]]
        assert [ticket.number for ticket in called if ticket] == listed


# --- what a client may do ---------------------------------------------------------------------------------


async def test_reading_changes_nothing(clinic: Clinic, hub: HubProcess) -> None:
    """FQM: a GET called the next patient, so that a preview or a reload was enough."""

    async with HubClient(hub.url, clinic.staff) as console:
        ticket = await console.join_queue("A")
        before = clinic.rows(EVERYTHING)
        for method, params in {**READINGS, "tickets.get": {"ticket": ticket.id}}.items():
            await console.request(method, params)
        for path in PATHS:
            await asyncio.to_thread(get, hub.url.split("/")[2], path)
        assert clinic.rows(EVERYTHING) == before


def get(address: str, path: str) -> int:
    connection = http.client.HTTPConnection(address, timeout=WAIT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


async def test_a_client_can_not_choose_its_place(clinic: Clinic, hub: HubProcess) -> None:
    """The Q: the place in line was a parameter of the URL that the browser requested."""

    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        await kiosk.join_queue("A")
        for wish in ({"position": 1}, {"number": "A001"}, {"citizens_waiting": 0}):
            with pytest.raises(InvalidParams):
                await kiosk.request("tickets.join", {"service": "A", **wish}, keyed=True)
        assert (await kiosk.join_queue("A")).position == 2


async def test_a_change_of_a_ticket_leaves_the_others(clinic: Clinic, hub: HubProcess) -> None:
    """FQM: an UPDATE without a WHERE clause gave every patient in the table the same name."""

    async with HubClient(hub.url, clinic.supervisor) as desk:
        tickets = [await desk.join_queue("A", patient_name=f"Patient {n}") for n in range(4)]
        await desk.update_ticket(tickets[1].id, patient_name="CHANGED", note="new")
        await desk.set_priority(tickets[2].id, "low")
        await desk.park(tickets[3].id, "x-ray")
        names = [(await desk.get_ticket(ticket.id)).patient_name for ticket in tickets]
        assert names == ["Patient 0", "CHANGED", "Patient 2", "Patient 3"]
    found = "SELECT count(*) FILTER (WHERE note IS NULL), count(*) FILTER (WHERE priority = 'medium') FROM tickets"
    assert clinic.rows(found) == [(3, 3)]


async def test_a_double_tap_issues_a_single_ticket(clinic: Clinic, hub: HubProcess) -> None:
    """ZMS: several taps made several bookings, at the kiosk and in the calendar."""

    async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(hub.url, clinic.kiosk) as again:
        taps = [
            client.request("tickets.join", {"service": "A", "key": "one finger"})
            for client in (kiosk, again, kiosk)
        ]
        assert len({answer["ticket"]["id"] for answer in await asyncio.gather(*taps)}) == 1
    assert clinic.rows("SELECT count(*) FROM tickets") == [(1,)]


# --- several hubs, and a killed hub -----------------------------------------------------------------------


async def test_two_hubs_issue_no_number_twice(clinic: Clinic, hub: HubProcess) -> None:
    """QSystem: the lock was local to a process; FQM: two workers of the same program issued numbers twice."""
    other = HubProcess(clinic.database_url)

    async with (
        HubClient(hub.url, clinic.staff) as here,
        HubClient(other.url, clinic.supervisor) as there,
    ):
        tickets = await asyncio.gather(*(client.join_queue("A") for client in (here, there) * 10))
        assert sorted(ticket.number for ticket in tickets) == [f"A{n:03}" for n in range(1, 21)]
        calls = await asyncio.gather(here.call_next_patient("R1"), there.call_next_patient("R2"))
        assert {call.ticket.number for call in calls if call.ticket} == {"A001", "A002"}
    other.terminate()


@pytest.mark.logs_expected
async def test_a_killed_hub_loses_nothing(clinic: Clinic, hub: HubProcess) -> None:
    """QSystem rewrites a file in place; OpenMRS keeps the wall's content in the memory of one server."""

    async with HubClient(hub.url, clinic.staff) as console:
        for _ in range(5):
            await console.join_queue("A")
        await console.call_next_patient("R1")
        await asyncio.to_thread(hub.kill)
        await asyncio.to_thread(hub.restart)
        async with HubClient(hub.url, clinic.monitor) as monitor:
            line = monitor.replica.lines.line("A")
            assert [ticket.number for ticket in line.waiting] == ["A002", "A003", "A004", "A005"]
            assert [ticket.counter for ticket in line.recent] == ["R1"]


async def test_every_kind_of_call_reaches_every_wall(clinic: Clinic, hub: HubProcess) -> None:
    """Novo SGA: a call by its public interface was not shown; OpenMRS: a call by a server was not on the other's wall."""
    other = HubProcess(clinic.database_url)

    async with HubClient(hub.url, clinic.staff) as console, HubClient(other.url, clinic.monitor) as wall:
        tickets = [await console.join_queue("A") for _ in range(3)]
        await console.call_next_patient("R1")
        await console.call_patient(tickets[1].id, "R2")
        await asyncio.to_thread(after_each_other, clinic, moving(tickets[2].id, "B"))
        line = wall.replica.lines.line("A")
        await until(lambda: [(t.number, t.counter) for t in line.recent] == [("A002", "R2"), ("A001", "R1")])
        await until(lambda: [t.number for t in wall.replica.lines.line("B").waiting] == ["A003"])
    other.terminate()
