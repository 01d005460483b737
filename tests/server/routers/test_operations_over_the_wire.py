"""Every operation of a line over real sockets on a real PostgreSQL: its effect, its pushes, its refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from core.client.hub_client import HubClient
from core.errors import (
    CounterBusy,
    CounterClosed,
    CounterTaken,
    HubError,
    NotConsulting,
    NotUndoable,
    NotWaiting,
    ServiceClosed,
    TicketNotFound,
    UnknownCounter,
    UnknownService,
)
from core.line.tickets import Ticket
from core.wire.session import PersonCredentials
from server.administration import clinic_settings, people_and_devices
from tests.support.clinic import PASSWORD, Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

ADMIN = PersonCredentials("admin", PASSWORD)


def administer(clinic: Clinic, change: Callable[..., object], *values: Any) -> None:
    """Performs a change of the administration, as an administrator does on the command line."""
    engine = clinic.engine()
    change(engine, *values)
    engine.dispose()


async def seated(hub: HubClient, service: str = "A", counter: str = "R1") -> Ticket:
    """A new ticket, called to a counter."""
    ticket = await hub.join_queue(service)
    return await hub.call_patient(ticket.id, counter)


async def numbers(hub: HubClient, service: str = "A") -> list[str]:
    """The numbers of the waiting tickets, in order."""
    return [ticket.number for ticket in (await hub.snapshot(service)).waiting]


async def assert_replicas_match(*clients: HubClient) -> None:
    """Asserts that each client's lines become equal to the hub's snapshots."""
    for client in clients:
        for service in ("A", "B", "C"):
            expected = await client.snapshot(service)
            line = client.replica.lines.line(service)
            await until(lambda line=line, expected=expected: line.revision == expected.revision)  # type: ignore[misc]
            assert (line.open, line.waiting) == (expected.open, expected.waiting)
            assert (line.consulting, line.parked) == (expected.consulting, expected.parked)
            assert line.recent == expected.recent[: len(line.recent)]
            assert line.missed == expected.missed[: len(line.missed)]


async def test_any_patient_is_called_and_every_client_shows_it(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.monitor) as wall:
        tickets = [await console.join_queue("A") for _ in range(4)]
        called = await console.call_patient(tickets[2].id, "R1")
        assert (called.status, called.counter, called.calls) == ("consulting", "R1", 1)
        assert await numbers(console) == ["A001", "A002", "A004"]
        with pytest.raises(CounterBusy, match="A003 is still at this counter"):
            await console.call_patient(tickets[0].id, "R1")
        await console.no_show(called.id)
        assert [t.number for t in (await console.snapshot("A")).missed] == ["A003"]
        again = await console.call_patient(called.id, "R1")
        assert (again.status, again.calls, again.ended_at) == ("consulting", 2, None)
        await console.park(again.id, "x-ray")
        assert (await console.call_patient(again.id, "R2")).counter == "R2"
        await console.complete(again.id)
        await assert_replicas_match(console, wall)


async def test_a_patient_is_parked_and_unparked(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.monitor) as wall:
        tickets = [await console.join_queue("A") for _ in range(4)]
        for ticket in tickets[:3]:
            parked = await console.park(ticket.id, "blood test first")
            assert (parked.status, parked.parked_reason) == ("parked", "blood test first")
        await until(lambda: len(wall.replica.lines.line("A").parked) == 3)
        assert wall.replica.lines.line("A").parked[0].parked_reason is None
        await console.unpark(tickets[0].id, "last")
        await console.unpark(tickets[2].id)
        await console.unpark(tickets[1].id, "first")
        assert await numbers(console) == ["A002", "A003", "A004", "A001"]
        at_counter = await console.call_next_patient("R1")
        assert at_counter.why is not None
        assert at_counter.why.reason == "placed_by_hand"
        assert at_counter.ticket is not None
        await console.park(at_counter.ticket.id)
        assert (await console.call_next_patient("R1")).ticket is not None
        await assert_replicas_match(console, wall)


async def test_a_patient_is_transferred_to_another_service(clinic: Clinic, hub: HubProcess) -> None:
    async with (
        HubClient(hub.url, clinic.staff) as console,
        HubClient(hub.url, clinic.monitor) as wall,
        HubClient(hub.url, clinic.kiosk, services=("B",)) as kiosk_of_b,
    ):
        await console.join_queue("B")
        at_counter = await seated(console)
        waiting = await console.join_queue("A")
        moved = await console.transfer(at_counter.id, "B", "first")
        assert (moved.number, moved.service, moved.origin_service) == ("A001", "B", "A")
        assert (moved.position, moved.counter, moved.status) == (1, None, "waiting")
        await console.transfer(waiting.id, "B", "last")
        await console.park(waiting.id)
        assert (await console.transfer(waiting.id, "B")).position == 3
        assert await numbers(console, "B") == ["A001", "B001", "A002"]
        assert (await console.transfer(moved.id, "B", "last")).position == 3
        await assert_replicas_match(console, wall)
        line = kiosk_of_b.replica.lines.line("B")
        await until(lambda: [t.number for t in line.waiting] == ["B001", "A002", "A001"])


async def test_a_supervisor_sets_the_order(clinic: Clinic, hub: HubProcess) -> None:
    async with (
        HubClient(hub.url, clinic.supervisor) as console,
        HubClient(hub.url, clinic.monitor) as wall,
    ):
        tickets = [await console.join_queue("A") for _ in range(4)]
        assert (await console.set_priority(tickets[3].id, "high")).position == 1
        assert (await console.set_priority(tickets[0].id, "low")).position == 4
        assert await numbers(console) == ["A004", "A002", "A003", "A001"]
        assert (await console.move(tickets[0].id, 2)).position == 2
        assert (await console.move(tickets[3].id, 1_000)).position == 4
        assert await numbers(console) == ["A001", "A002", "A003", "A004"]
        assert (await console.get_ticket(tickets[0].id)).priority == "low"
        assert (await console.validate_queue_integrity("A")).sound
        await assert_replicas_match(console, wall)


async def test_data_about_a_patient_reach_only_staff(clinic: Clinic, hub: HubProcess) -> None:
    received: list[bytes] = []

    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.monitor) as wall:
        first = await console.join_queue("A", language="ar")
        await console.join_queue("A")
        noted = await console.update_ticket(
            first.id, patient_name="Amal Haddad", note="Zebra allergy", needs=["interpreter", "lift"]
        )
        assert (noted.patient_name, noted.needs, noted.language) == (
            "Amal Haddad",
            ("interpreter", "lift"),
            "ar",
        )
        cleared = await console.update_ticket(first.id, patient_name=None, needs=None, language="zh-Hans")
        assert (cleared.patient_name, cleared.note, cleared.needs) == (None, "Zebra allergy", ())
        assert (cleared.language, cleared.position) == ("zh-Hans", 1)
        await console.park(first.id, "Giraffe scan")
        await assert_replicas_match(console, wall)
        assert console.replica.lines.line("A").parked[0].note == "Zebra allergy"
        received.append(msgspec.json.encode([vars_of(t) for t in wall.replica.lines.line("A").parked]))
        for since in ({"A": 0}, {}):
            answer = await wall.request_raw("queue.subscribe", {"services": ["A"], "since": since})
            received.append(bytes(answer))
    for secret in (b"Amal", b"Zebra", b"interpreter", b"Giraffe"):
        assert not [frame for frame in received if secret in frame]
    stored = clinic.rows(
        "SELECT string_agg(e::text, '') || (SELECT string_agg(r::text, '') FROM requests r) FROM queue_events e"
    )
    assert not [word for word in ("Amal", "Zebra", "interpreter", "Giraffe") if word in stored[0][0]]


def vars_of(ticket: Ticket) -> dict[str, Any]:
    return msgspec.structs.asdict(ticket)


async def test_a_missed_patient_is_last_in_line_until_called_often_enough(
    clinic: Clinic, hub: HubProcess
) -> None:
    """The first no-show is not final, however often the patient was recalled."""
    administer(clinic, clinic_settings.set_service, "A", {"no_shows": "2"})

    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.monitor) as wall:
        ticket = await seated(console)
        await console.join_queue("A")
        await console.recall(ticket.id)
        back = await console.no_show(ticket.id)
        assert (back.status, back.position, back.counter, back.calls) == ("waiting", 2, None, 2)
        await until(lambda: wall.replica.lines.line("A").waiting_count == 2)
        answer = await wall.request("queue.subscribe", {"services": ["A"], "since": {"A": 4}})
        [event] = answer["services"]["A"]["events"]
        assert (event["kind"], event["reason"], event["waiting"]) == ("no_show", "no_show", 2)
        await console.call_patient(ticket.id, "R1")
        assert (await console.no_show(ticket.id)).status == "no_show"
        await assert_replicas_match(console, wall)


async def test_no_shows_are_counted_through_undo_parking_and_transfer(
    clinic: Clinic, hub: HubProcess
) -> None:
    administer(clinic, clinic_settings.set_service, "A", {"no_shows": "2"})
    async with HubClient(hub.url, clinic.supervisor) as console:
        ticket = await seated(console)
        await console.no_show(ticket.id)
        await console.undo()
        assert (await console.no_show(ticket.id)).status == "waiting"
        await console.park(ticket.id)
        await console.call_patient(ticket.id, "R1")
        assert (await console.no_show(ticket.id)).status == "no_show"
        await console.unpark(ticket.id)
        await console.transfer(ticket.id, "B")
        await console.transfer(ticket.id, "A")
        await console.call_patient(ticket.id, "R1")
        assert (await console.no_show(ticket.id)).status == "waiting"


async def test_a_service_is_opened_paused_and_closed(clinic: Clinic, hub: HubProcess) -> None:
    async with (
        HubClient(hub.url, clinic.supervisor) as console,
        HubClient(hub.url, clinic.kiosk) as kiosk,
    ):
        await console.join_queue("A")
        states = []
        for operation in (console.pause_service, console.close_service, console.open_service):
            service = await operation("A")
            states.append((service.state, service.open))
            await until(lambda wanted=service.state: kiosk.replica.services[0].state == wanted)  # type: ignore[misc]
            if not service.open:
                with pytest.raises(ServiceClosed):
                    await kiosk.join_queue("A")
        assert states == [("paused", False), ("closed", False), ("open", True)]
        revision = (await console.snapshot("A")).revision
        assert (await console.open_service("A")).revision == revision
        await assert_replicas_match(console, kiosk)
        await console.pause_service("A", "fire alarm")
        assert (await console.call_next_patient("R1")).ticket
    kinds = clinic.rows("SELECT kind FROM queue_events WHERE ticket_id IS NULL ORDER BY revision")
    assert [kind for (kind,) in kinds] == ["paused", "closed", "opened", "paused"]
    reasons = clinic.rows(
        "SELECT details ->> 'reason' FROM admin_events WHERE kind = 'service_paused' ORDER BY id"
    )
    assert [reason for (reason,) in reasons] == [None, "fire alarm"]


async def test_each_refused_operation_gives_its_reason(clinic: Clinic, hub: HubProcess) -> None:
    administer(clinic, people_and_devices.add_user, "second", "staff", PASSWORD)

    async with (
        HubClient(hub.url, ADMIN, follow=False) as console,
        HubClient(hub.url, PersonCredentials("second", PASSWORD), follow=False) as other,
    ):
        waiting, unknown = await console.join_queue("A"), str(uuid4())
        at_counter = await seated(console)
        done = await seated(console, counter="R2")
        await console.complete(done.id)
        await console.pause_counter("R2")
        await console.close_service("C")
        await refused(console, waiting.id, at_counter.id, done.id, unknown)
        with pytest.raises(CounterTaken, match="admin is working"):
            await other.call_patient(waiting.id, "R1")
        with pytest.raises(NotUndoable):
            await other.undo(console.last_operation)
        with pytest.raises(NotUndoable, match="nothing to take back"):
            await other.undo()


async def refused(hub: HubClient, waiting: str, at_counter: str, done: str, unknown: str) -> None:
    """Asserts that impossible operations on four tickets are refused, each with its error and a sentence."""
    wrong: list[tuple[Awaitable[Any], type[HubError]]] = [
        (hub.call_patient(waiting, "R7"), UnknownCounter),
        (hub.call_patient(waiting, "R2"), CounterClosed),
        (hub.call_patient(waiting, "R1"), CounterBusy),
        (hub.call_patient(done, "R1"), NotWaiting),
        (hub.recall(waiting), NotConsulting),
        (hub.complete(done), NotConsulting),
        (hub.no_show(waiting), NotConsulting),
        (hub.park(done), NotWaiting),
        (hub.unpark(waiting), NotWaiting),
        (hub.transfer(waiting, "Q"), UnknownService),
        (hub.transfer(waiting, "C"), ServiceClosed),
        (hub.transfer(done, "B"), NotWaiting),
        (hub.set_priority(at_counter, "high"), NotWaiting),
        (hub.move(at_counter, 1), NotWaiting),
        (hub.cancel(at_counter), NotWaiting),
        (hub.undo("no such key"), NotUndoable),
        (hub.open_service("Q"), UnknownService),
        (hub.close_day("Q"), UnknownService),
        (hub.call_patient(unknown, "R1"), TicketNotFound),
        (hub.recall(unknown), TicketNotFound),
        (hub.complete(unknown), TicketNotFound),
        (hub.no_show(unknown), TicketNotFound),
        (hub.park(unknown), TicketNotFound),
        (hub.unpark(unknown), TicketNotFound),
        (hub.transfer(unknown, "B"), TicketNotFound),
        (hub.set_priority(unknown, "low"), TicketNotFound),
        (hub.move(unknown, 1), TicketNotFound),
        (hub.cancel(unknown), TicketNotFound),
        (hub.update_ticket(unknown, note="x"), TicketNotFound),
        (hub.get_ticket(unknown), TicketNotFound),
    ]
    answers = await asyncio.gather(*(refused for refused, _ in wrong), return_exceptions=True)
    refusals = [(type(answer), getattr(answer, "message", "")[-1:]) for answer in answers]
    assert refusals == [(expected, ".") for _, expected in wrong]
