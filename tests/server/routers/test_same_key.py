"""Requests with the same key make one change: at the same instant, on other connections and hubs, after a kill."""

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
    """Locks every line while the block runs: operations wait in the middle."""
    with psycopg.connect(driver_url(clinic.database_url)) as gate:
        gate.execute("SELECT FROM services ORDER BY id FOR NO KEY UPDATE")
        yield


def presses(ticket: str) -> dict[str, Press]:
    """Operations of each kind, under the key "once"."""
    return {
        "join": lambda o: o.join_queue(STAFF, "once", "A"),
        "call next": lambda o: o.call_next_patient(STAFF, "once", "R1", None, False),
        "transfer": lambda o: o.transfer_ticket(STAFF, "once", ticket, "B", "last", True),
        "park": lambda o: o.park_ticket(STAFF, "once", ticket, None, True),
        "cancel": lambda o: o.cancel_ticket(STAFF, "once", ticket, False),
        "close the day": lambda o: o.close_day(STAFF, "once", None),
    }


@pytest.mark.parametrize("kind", presses(""))
def test_four_concurrent_requests_with_the_same_key_make_a_single_change(clinic: Clinic, kind: str) -> None:
    [ticket] = joined(clinic)
    answers = at_once(clinic, *[presses(ticket)[kind]] * 4)
    assert all(isinstance(answer, Outcome) for answer in answers)
    assert len({repr(answer.result) for answer in answers if isinstance(answer, Outcome)}) == 1
    assert sum(isinstance(answer, Outcome) and len(answer.events) > 0 for answer in answers) == 1
    assert clinic.rows("SELECT count(*) FROM requests WHERE key = 'once'") == [(1,)]


def test_of_two_different_requests_with_the_same_key_the_second_is_refused(clinic: Clinic) -> None:
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


def test_a_refused_request_may_be_repeated_with_its_key(clinic: Clinic) -> None:
    call, [join] = presses("")["call next"], joins(1)
    answers = after_each_other(clinic, call, join, call, call)
    assert list(map(outcome, answers)) == ["queue_empty", "waiting", "consulting", "consulting"]


async def test_the_same_key_at_two_hubs_at_once_makes_a_single_change(
    clinic: Clinic, hub: HubProcess
) -> None:
    other = HubProcess(clinic.database_url)

    async with HubClient(hub.url, clinic.staff) as here, HubClient(other.url, clinic.staff) as there:
        with lines_locked(clinic):
            repeated = [
                client.request("tickets.join", {"service": "A", "key": "once"}) for client in (here, there)
            ]
            answers = asyncio.gather(*repeated)
            await until(lambda: clinic.rows(WAITERS) == [(2,)], what="both hubs at the lock")
        first, second = await answers
        assert first["ticket"]["id"] == second["ticket"]["id"]
        lines = [client.replica.lines.line("A") for client in (here, there)]
        await until(lambda: [(line.revision, len(line.waiting)) for line in lines] == [(1, 1), (1, 1)])
    other.terminate()
    assert clinic.rows("SELECT count(*), max(revision) FROM queue_events") == [(1, 1)]


@pytest.mark.logs_expected
async def test_a_change_that_a_dead_hub_committed_is_not_repeated(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        with lines_locked(clinic):
            joining = asyncio.get_running_loop().create_task(kiosk.join_queue("A"))
            await until(lambda: clinic.rows(WAITERS) == [(1,)], what="the hub at the lock")
            hub.kill()
        await until(lambda: clinic.rows("SELECT number FROM tickets") == [("A001",)], what="the ticket")
        assert not joining.done()
        hub.restart()
        assert (await joining).number == "A001"
    assert clinic.rows("SELECT count(*) FROM queue_events") == [(1,)]


@pytest.mark.logs_expected
async def test_a_request_repeated_at_another_hub_during_the_first_makes_a_single_change(
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
