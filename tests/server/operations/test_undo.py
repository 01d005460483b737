"""Undo restores the lines after each kind of operation, for ten seconds and until another change of the ticket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from core.client.hub_client import HubClient
from core.errors import NotUndoable
from core.line.tickets import Snapshot, Ticket
from core.wire.session import ConnectionState
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

Operation = Callable[[HubClient, dict[str, Ticket]], Awaitable[Any]]
"""An operation on the tickets of `furnished`."""

OPERATIONS: dict[str, Operation] = {
    "call_next": lambda hub, t: hub.call_next_patient("R2"),
    "call_next, completing": lambda hub, t: hub.call_next_patient("R1", complete=t["consulting"].id),
    "call from the middle": lambda hub, t: hub.call_patient(t["third"].id, "R2"),
    "call a parked patient": lambda hub, t: hub.call_patient(t["parked"].id, "R2"),
    "call a missed patient": lambda hub, t: hub.call_patient(t["missed"].id, "R2"),
    "recall": lambda hub, t: hub.recall(t["consulting"].id),
    "complete": lambda hub, t: hub.complete(t["consulting"].id),
    "no-show, off": lambda hub, t: hub.no_show(t["consulting"].id),
    "no-show, last in line": lambda hub, t: hub.no_show(t["patient"].id),
    "park a waiting patient": lambda hub, t: hub.park(t["third"].id),
    "park a consulting patient": lambda hub, t: hub.park(t["consulting"].id),
    "unpark": lambda hub, t: hub.unpark(t["parked"].id, "first"),
    "unpark a missed patient": lambda hub, t: hub.unpark(t["missed"].id, "last"),
    "transfer a waiting patient": lambda hub, t: hub.transfer(t["third"].id, "B", "first"),
    "transfer a consulting patient": lambda hub, t: hub.transfer(t["consulting"].id, "B", "last"),
    "transfer a parked patient": lambda hub, t: hub.transfer(t["parked"].id, "C"),
    "transfer within the line": lambda hub, t: hub.transfer(t["third"].id, "A", "last"),
    "priority": lambda hub, t: hub.set_priority(t["third"].id, "high"),
    "priority of a parked patient": lambda hub, t: hub.set_priority(t["parked"].id, "low"),
    "move up": lambda hub, t: hub.move(t["third"].id, 1),
    "move down": lambda hub, t: hub.move(t["first"].id, 3),
    "cancel a waiting patient": lambda hub, t: hub.cancel(t["third"].id),
    "cancel a parked patient": lambda hub, t: hub.cancel(t["parked"].id),
}


async def furnished(hub: HubClient) -> dict[str, Ticket]:
    """Creates in A a patient at R1 (called last), a parked, a missed and four waiting patients; in B a waiting patient.

    "patient" is at counter R2 from service C, whose no-shows go to the end of the line first.
    """
    tickets = {name: await hub.join_queue("A") for name in ("consulting", "parked", "missed", "first")}
    for name in ("second", "third", "fourth"):
        tickets[name] = await hub.join_queue("A", "low" if name == "fourth" else "medium")
    await hub.join_queue("B")
    await hub.call_patient(tickets["missed"].id, "R1")
    await hub.no_show(tickets["missed"].id)
    await hub.park(tickets["parked"].id)
    await hub.call_patient(tickets["consulting"].id, "R1")
    return tickets


async def lines(hub: HubClient) -> list[Any]:
    """Snapshots of all lines, without the revision and the time."""
    snapshots = [await hub.snapshot(service) for service in ("A", "B", "C")]
    return [msgspec.structs.replace(s, revision=0, as_of=s.as_of.min) for s in snapshots]


async def assert_replica_matches(hub: HubClient) -> None:
    for service in ("A", "B", "C"):
        expected: Snapshot = await hub.snapshot(service)
        line = hub.replica.lines.line(service)
        await until(lambda line=line, expected=expected: line.revision == expected.revision)  # type: ignore[misc]
        assert (line.waiting, line.consulting, line.parked) == (
            expected.waiting,
            expected.consulting,
            expected.parked,
        )
        assert line.recent == expected.recent[: len(line.recent)]


async def test_an_undo_of_each_operation_restores_the_lines(clinic: Clinic, hub: HubProcess) -> None:
    clinic.rows("UPDATE services SET no_shows = 2 WHERE code = 'C' RETURNING 1")

    async with (
        HubClient(hub.url, clinic.supervisor) as console,
        HubClient(hub.url, clinic.supervisor) as colleague,
    ):
        tickets = await furnished(console)
        for name, operate in OPERATIONS.items():
            if name == "no-show, last in line":
                patient = await console.join_queue("C")
                tickets["patient"] = await console.call_patient(patient.id, "R2")
            before = await lines(console)
            await operate(console, tickets)
            assert await lines(console) != before, name
            await console.undo()
            assert await lines(console) == before, name
            with pytest.raises(NotUndoable):
                await console.undo()
            if name == "no-show, last in line":
                await console.complete(tickets["patient"].id)
        await assert_replica_matches(colleague)
    assert clinic.rows(
        "SELECT count(*) FROM services s, validate_queue_integrity(s.id) v WHERE v.missing_positions <> '{}'"
    ) == [(0,)]


async def test_an_undone_join_is_cancelled_and_its_number_is_not_reused(
    clinic: Clinic, hub: HubProcess
) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        await console.join_queue("A")
        undone = await console.undo()
        assert undone is not None
        assert (undone.number, undone.status, undone.position) == ("A001", "cancelled", None)
        assert (await console.join_queue("A")).number == "A002"


async def test_an_operation_older_than_ten_seconds_cannot_be_undone(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff, follow=False) as console:
        for seconds, possible in (("9", True), ("10.1", False)):
            await console.join_queue("A")
            clinic.rows(f"UPDATE requests SET at = at - interval '{seconds} s' RETURNING 1")
            if possible:
                await console.undo()
            else:
                with pytest.raises(NotUndoable):
                    await console.undo()


async def test_an_undo_after_another_change_of_the_ticket_is_refused(clinic: Clinic, hub: HubProcess) -> None:
    async with (
        HubClient(hub.url, clinic.staff, follow=False) as console,
        HubClient(hub.url, clinic.supervisor, follow=False) as other,
    ):
        tickets = [await console.join_queue("A") for _ in range(4)]
        await console.call_patient(tickets[0].id, "R1")
        await other.recall(tickets[0].id)
        with pytest.raises(NotUndoable, match="Something happened to this patient since"):
            await console.undo()
        await console.complete(tickets[0].id)
        await other.call_patient(tickets[1].id, "R1")
        with pytest.raises(NotUndoable, match="Another patient is at the counter"):
            await console.undo()
        await console.transfer(tickets[2].id, "B")
        await other.update_ticket(tickets[2].id, note="deaf in one ear")
        with pytest.raises(NotUndoable):
            await console.undo()
        await console.park(tickets[3].id)
        await other.join_queue("A")
        assert (await console.undo()) is not None


async def test_only_a_persons_own_last_operation_is_undone_and_only_once(
    clinic: Clinic, hub: HubProcess
) -> None:
    async with (
        HubClient(hub.url, clinic.staff, follow=False) as console,
        HubClient(hub.url, clinic.supervisor, follow=False) as other,
    ):
        first = await console.join_queue("A")
        earlier = console.last_operation
        await console.park(first.id)
        last = console.last_operation
        with pytest.raises(NotUndoable, match="Only your last action"):
            await console.undo(earlier)
        with pytest.raises(NotUndoable):
            await other.undo(last)
        answers = await asyncio.gather(*(console.undo(last) for _ in range(4)), return_exceptions=True)
        assert [isinstance(answer, NotUndoable) for answer in answers] == [False, True, True, True]
        params = {"operation": last, "key": "again and again"}
        with pytest.raises(NotUndoable):
            await console.request("queue.undo", params)


async def test_the_last_operation_can_be_undone_after_a_killed_hub(clinic: Clinic, hub: HubProcess) -> None:
    other = HubProcess(clinic.database_url)

    async with (
        HubClient([hub.url, other.url], clinic.staff) as console,
        HubClient(other.url, clinic.monitor) as wall,
    ):
        ticket = await console.join_queue("A")
        await console.call_patient(ticket.id, "R1")
        hub.kill()
        await until(lambda: console.state is ConnectionState.LOST)
        undone = await console.undo()
        assert undone is not None
        assert (undone.status, undone.calls) == ("waiting", 0)
        line = wall.replica.lines.line("A")
        await until(lambda: line.waiting_count == 1 and not line.consulting and not line.recent)
    other.terminate()
