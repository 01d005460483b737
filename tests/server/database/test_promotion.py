"""The primary database is lost and its standby promoted while a hub and its clients work.

With synchronous replication no acknowledged change is lost or done twice. Without it, changes that the standby had not
received are gone, and every client follows the line as it is now, never a mixture of both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from core.client.hub_client import HubClient
from core.errors import QueueEmpty
from core.line.line_store import Line
from core.wire.replica import Change, EventApplied, LineReplaced
from core.wire.session import PersonCredentials
from server.administration import people_and_devices
from server.checks import replay
from server.checks.database_health import server_findings
from server.checks.violations import count_violations
from server.schema import revisions
from server.schema.engine import administration_engine
from tests.support.hub_process import HubProcess
from tests.support.private_clusters import query
from tests.support.standby_pair import StandbyPair
from tests.support.waiting import WAIT_SECONDS, until, wait_until

pytestmark = [pytest.mark.usefixtures("no_qt_garbage")]

SERVICES = ("A", "B")
PASSWORD = "correct horse"
ROUNDS = 12
"""The number of rounds that each client works between two steps of a test."""


@pytest.fixture
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StandbyPair]:
    created = StandbyPair(tmp_path, synchronous=request.param == "synchronous")
    yield created
    created.close()


@pytest.fixture
def engine(pair: StandbyPair) -> Iterator[Engine]:
    """An engine for the host that takes writes, with a clinic in its database."""
    engine = administration_engine(pair.url)
    revisions.upgrade(engine)
    for code in SERVICES:
        people_and_devices.add_service(engine, code, f"Service {code}", None)
    for number in range(2):
        people_and_devices.add_counter(engine, f"R{number}", f"Counter {number}", list(SERVICES))
        people_and_devices.add_user(engine, f"user {number}", "staff", PASSWORD)
    yield engine
    engine.dispose()


@pytest.fixture
def hub(pair: StandbyPair, engine: Engine) -> Iterator[HubProcess]:
    started = HubProcess(pair.url)
    yield started
    started.terminate()


class Worker:
    """A client that joins and calls patients, and records the acknowledgements and what its replica shows.

    Attributes:
        joined, called: ids of the acknowledged tickets, in order.
        shown: (epoch, service, revision) of each change of each line.
    """

    def __init__(self, hub: HubProcess, number: int) -> None:
        self.joined: list[str] = []
        self.called: list[str] = []
        self.snapshots: set[tuple[str, str]] = set()
        self.shown: list[tuple[str, str, int]] = []
        self._counter = f"R{number}"
        credentials = PersonCredentials(f"user {number}", PASSWORD)
        self.client = HubClient(hub.url, credentials, on_change=self._note)

    async def work(self, times: int) -> None:
        """In each round, joins a patient to each line and calls the next; the client repeats each request until it is
        acknowledged.
        """
        for _ in range(times):
            for service in SERVICES:
                self.joined.append((await self.client.join_queue(service)).id)
            before = self.called[-1] if self.called else None
            try:
                called = await self.client.call_next_patient(self._counter, complete=before)
            except QueueEmpty:
                continue
            assert called.ticket is not None
            self.called.append(called.ticket.id)

    def line(self, service: str) -> Line:
        return self.client.replica.lines.line(service)

    def holds(self, service: str, expected: tuple[str, int, list[str]]) -> bool:
        """Whether the replica shows this epoch, revision and these patients, in their order."""
        line = self.line(service)
        return (line.epoch, line.revision, [ticket.id for ticket in line.waiting]) == expected

    def _note(self, change: Change) -> None:
        match change:
            case EventApplied(event):
                self.shown.append((self.line(event.service).epoch, event.service, event.revision))
            case LineReplaced(service):
                line = self.line(service)
                self.snapshots.add((line.epoch, service))
                self.shown.append((line.epoch, service, line.revision))


async def work(workers: list[Worker]) -> None:
    await asyncio.gather(*(worker.work(ROUNDS) for worker in workers))


@asynccontextmanager
async def two_at_work(hub: HubProcess) -> AsyncIterator[list[Worker]]:
    """Two workers that have done a round; they end with the block."""
    async with AsyncExitStack() as stack:
        workers = [Worker(hub, number) for number in range(2)]
        for worker in workers:
            await stack.enter_async_context(worker.client)
        await work(workers)
        yield workers


def assert_sound(engine: Engine) -> None:
    """Asserts that the database that serves now breaks no rule, and that its events lead to its lines."""
    engine.dispose()  # pooled connections lead to the lost host
    assert count_violations(engine) == {}
    assert list(replay.replay_differences(engine)) == []


async def lose_primary_during_work(pair: StandbyPair, workers: list[Worker]) -> None:
    """Kills the primary after a few more joins, and promotes the standby."""
    done = len(workers[0].joined)
    await until(lambda: len(workers[0].joined) > done + 4)
    await asyncio.to_thread(pair.kill_primary)
    await asyncio.to_thread(pair.promote_standby)


async def until_all_hold(workers: list[Worker], url: str, epoch: str) -> None:
    """Waits until every client has a snapshot of the epoch and shows each line as the database has it."""
    for service in SERVICES:
        [(there,)] = query(url, f"SELECT queue_snapshot('{service}')")
        assert isinstance(there, dict)
        expected = there["epoch"], there["revision"], [ticket["id"] for ticket in there["waiting"]]
        assert expected[0] == epoch
        for worker in workers:
            await until(partial(worker.holds, service, expected), what=f"{service} as it is in the database")
            assert (epoch, service) in worker.snapshots


def shows_no_step_twice(worker: Worker) -> bool:
    """Whether a line's revisions grow within an epoch, and no epoch comes back after another."""
    for service in SERVICES:
        steps = [(epoch, revision) for epoch, code, revision in worker.shown if code == service]
        epochs = list(dict.fromkeys(epoch for epoch, _ in steps))
        if steps != sorted(steps, key=lambda step: (epochs.index(step[0]), step[1])):
            return False
    return True


def epoch_of(url: str) -> str:
    [(epoch,)] = query(url, "SELECT epoch::text FROM settings")
    return str(epoch)


@pytest.mark.parametrize("pair", ["synchronous"], indirect=True)
async def test_after_a_synchronous_standby_takes_over_no_change_is_lost_or_doubled(
    pair: StandbyPair, engine: Engine, hub: HubProcess
) -> None:
    async with two_at_work(hub) as workers:
        before = epoch_of(pair.primary_url)
        await asyncio.gather(work(workers), lose_primary_during_work(pair, workers))
        epoch = epoch_of(pair.standby_url)
        assert epoch != before
        await until_all_hold(workers, pair.standby_url, epoch)
        assert all(shows_no_step_twice(worker) for worker in workers)
    joined = [ticket for worker in workers for ticket in worker.joined]
    assert len(joined) == len(set(joined)) == 2 * 2 * len(SERVICES) * ROUNDS
    called = [ticket for worker in workers for ticket in worker.called]
    there = "SELECT array_agg(DISTINCT ticket_id::text), count(*) FROM queue_events WHERE kind = "
    for kind, acknowledged in (("joined", joined), ("called", called)):
        [(ids, events)] = query(pair.standby_url, f"{there}'{kind}'")
        assert isinstance(ids, list)
        assert (sorted(ids), events) == (sorted(acknowledged), len(acknowledged))
    assert_sound(engine)


@pytest.mark.parametrize("pair", ["asynchronous"], indirect=True)
async def test_every_client_follows_a_standby_that_lacks_changes(
    pair: StandbyPair, engine: Engine, hub: HubProcess
) -> None:
    async with two_at_work(hub) as workers:
        await asyncio.to_thread(pair.cut_off_standby)
        [(kept,)] = query(pair.standby_url, "SELECT max(revision) FROM services")
        await work(workers)
        lost = workers[0].line("A").revision
        assert isinstance(kept, int)
        assert kept < lost
        await asyncio.to_thread(pair.kill_primary)
        await asyncio.to_thread(pair.promote_standby)
        # The line grows past the lost revisions before the hub is connected: the same revisions, of other patients.
        for number in range(lost - kept + 5):
            query(pair.standby_url, f"SELECT join_queue('user:1', 'other {number}', '', 'A')")
        await until(lambda: all(w.line("A").epoch == epoch_of(pair.standby_url) for w in workers))
        for worker in workers:
            worker.called.clear()
        query(
            pair.standby_url,
            "SELECT finish_consultation('user:1', id::text, '', id, 'completed', true) "
            "FROM tickets WHERE status = 'consulting'",
        )
        await work(workers)
        await until_all_hold(workers, pair.standby_url, epoch_of(pair.standby_url))
        assert all(shows_no_step_twice(worker) for worker in workers)
        assert {epoch for worker in workers for epoch, _, _ in worker.shown} == {
            *(workers[0].shown[0][:1]),
            epoch_of(pair.standby_url),
        }
    assert_sound(engine)


def replication_finding(engine: Engine) -> str:
    with engine.connect() as connection:
        [finding] = server_findings(connection)
    return str(finding)


WAITING_FOR_THE_STANDBY = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.mark.parametrize("pair", ["synchronous"], indirect=True)
def test_a_repeated_request_is_not_acknowledged_before_the_standby_has_it(
    pair: StandbyPair, engine: Engine
) -> None:
    """A commit whose wait for the standby was cancelled exists on the primary alone. Its repeated request locks the line
    before it finds the key, so that its own commit waits.
    """

    def join() -> object:
        return query(pair.primary_url, "SELECT join_queue('user:1', 'the same', '', 'A') -> 'result'")

    def waiting() -> list[tuple[object, ...]]:
        return query(pair.primary_url, WAITING_FOR_THE_STANDBY)

    assert replication_finding(engine).startswith("ok")
    pair.cut_off_standby()
    assert "Every change waits for a standby that is not there." in replication_finding(engine)
    with ThreadPoolExecutor(2) as desks:
        first = desks.submit(join)
        wait_until(lambda: len(waiting()) == 1, "the first commit to wait")
        query(pair.primary_url, f"SELECT pg_cancel_backend(pid) FROM ({WAITING_FOR_THE_STANDBY}) waiting")
        answer = first.result(WAIT_SECONDS)
        assert query(pair.primary_url, "SELECT count(*) FROM tickets") == [(1,)]
        assert query(pair.standby_url, "SELECT count(*) FROM tickets") == [(0,)]
        repeated = desks.submit(join)
        wait_until(lambda: bool(waiting()) or repeated.done(), "the repeated request's commit to wait")
        assert not repeated.done()
        pair.reconnect_standby()
        assert repeated.result(WAIT_SECONDS) == answer
    assert query(pair.standby_url, "SELECT count(*) FROM tickets") == [(1,)]
