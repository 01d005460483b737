"""One key, one deed: whatever is repeated, at the same instant, by another connection, another hub, after a kill."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from core.client.hub_client import HubClient
from server.database.calls import driver_url
from server.operations.queue_operations import Outcome
from tests.support.at_once import STAFF, SUPERVISOR, Press, after_each_other, at_once, joined, joins, outcome
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

WAITERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@contextmanager
def lines_locked(clinic: Clinic) -> Iterator[None]:
    """Every operation stops in the middle until the block ends."""
    with psycopg.connect(driver_url(clinic.database_url)) as gate:
        gate.execute("SELECT FROM services ORDER BY id FOR NO KEY UPDATE")
        yield


def presses(ticket: str) -> dict[str, Press]:
    """Each kind of change, under the key "once"."""
    return {
        "join": lambda o: o.join_queue(STAFF, "once", "A"),
        "call next": lambda o: o.call_next_patient(STAFF, "once", "R1", None, False),
        "transfer": lambda o: o.transfer_ticket(STAFF, "once", ticket, "B", "last"),
        "park": lambda o: o.park_ticket(STAFF, "once", ticket, None),
        "cancel": lambda o: o.cancel_ticket(STAFF, "once", ticket, False),
        "close the day": lambda o: o.close_day(STAFF, "once", None),
    }


@pytest.mark.parametrize("deed", presses(""))
def test_one_key_from_four_connections_at_once_is_one_deed(clinic: Clinic, deed: str) -> None:
    [ticket] = joined(clinic)
    answers = at_once(clinic, *[presses(ticket)[deed]] * 4)
    assert all(isinstance(answer, Outcome) for answer in answers)
    assert len({repr(answer.result) for answer in answers if isinstance(answer, Outcome)}) == 1
    assert sum(isinstance(answer, Outcome) and len(answer.events) > 0 for answer in answers) == 1
    assert clinic.rows("SELECT count(*) FROM requests WHERE key = 'once'") == [(1,)]


def test_one_key_for_two_deeds_at_once_is_refused_once(clinic: Clinic) -> None:
    answers = at_once(
        clinic,
        lambda o: o.join_queue(STAFF, "once", "A"),
        lambda o: o.join_queue(STAFF, "once", "B"),
    )
    assert sorted(map(outcome, answers)) == ["key_conflict", "waiting"]
    assert clinic.rows("SELECT count(*) FROM tickets") == [(1,)]


def test_another_persons_key_is_another_request(clinic: Clinic) -> None:
    answers = at_once(
        clinic,
        lambda o: o.join_queue(STAFF, "1", "A"),
        lambda o: o.join_queue(SUPERVISOR, "1", "A"),
    )
    assert list(map(outcome, answers)) == ["waiting", "waiting"]
    assert clinic.rows("SELECT count(*), count(DISTINCT number) FROM tickets") == [(2, 2)]


def test_a_refusal_is_not_remembered(clinic: Clinic) -> None:
    call, [join] = presses("")["call next"], joins(1)
    answers = after_each_other(clinic, call, join, call, call)
    assert list(map(outcome, answers)) == ["queue_empty", "waiting", "consulting", "consulting"]


async def test_one_key_to_two_hubs_at_once_is_one_deed(clinic: Clinic, hub: HubProcess) -> None:
    other = HubProcess(clinic.database_url)

    async with HubClient(hub.url, clinic.staff) as here, HubClient(other.url, clinic.staff) as there:
        with lines_locked(clinic):
            asked = [
                client.request("tickets.join", {"service": "A", "key": "once"}) for client in (here, there)
            ]
            answers = asyncio.gather(*asked)
            await until(lambda: clinic.rows(WAITERS) == [(2,)], what="both hubs at the lock")
        first, second = await answers
        assert first["ticket"]["id"] == second["ticket"]["id"]
        lines = [client.replica.lines.line("A") for client in (here, there)]
        await until(lambda: [(line.revision, len(line.waiting)) for line in lines] == [(1, 1), (1, 1)])
    other.terminate()
    assert clinic.rows("SELECT count(*), max(revision) FROM queue_events") == [(1, 1)]


@pytest.mark.logs_expected
async def test_a_deed_done_behind_a_dead_hub_is_not_done_again(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        with lines_locked(clinic):
            joining = asyncio.get_running_loop().create_task(kiosk.join_queue("A"))
            await until(lambda: clinic.rows(WAITERS) == [(1,)], what="the hub at the lock")
            hub.kill()
        await until(lambda: clinic.rows("SELECT number FROM tickets") == [("A001",)], what="the deed")
        assert not joining.done()
        hub.restart()
        assert (await joining).number == "A001"
    assert clinic.rows("SELECT count(*) FROM queue_events") == [(1,)]


@pytest.mark.logs_expected
async def test_a_deed_repeated_at_another_hub_while_the_first_still_does_it(
    clinic: Clinic, hub: HubProcess
) -> None:
    other = HubProcess(clinic.database_url)

    async with HubClient([hub.url, other.url], clinic.staff) as console:
        with lines_locked(clinic):
            joining = asyncio.get_running_loop().create_task(console.join_queue("A"))
            await until(lambda: clinic.rows(WAITERS) == [(1,)], what="the first hub at the lock")
            hub.kill()
            await until(lambda: clinic.rows(WAITERS) == [(2,)], what="the second hub behind it")
        assert (await joining).number == "A001"
    other.terminate()
    assert clinic.rows("SELECT count(*) FROM queue_events") == [(1,)]


async def test_a_lost_connection_repeats_its_requests_once_each(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        with lines_locked(clinic):
            joining = asyncio.gather(*(console.join_queue("A") for _ in range(5)))
            await until(lambda: clinic.rows(WAITERS) == [(1,)], what="the hub at the lock")
            console._connection.transport.abort()  # type: ignore[union-attr]
        assert sorted(ticket.number for ticket in await joining) == [f"A00{n}" for n in range(1, 6)]
    assert clinic.rows("SELECT count(*), max(revision) FROM queue_events") == [(5, 5)]
