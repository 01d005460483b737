"""The hub keeps the lines in memory: any number of clients read them, also while the database is unreachable."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest
from sqlalchemy import create_engine, make_url, text

from core.client.hub_client import HubClient
from core.errors import Unavailable
from core.wire.session import ConnectionState
from server.connections.hub import Hub
from server.operations.queue_operations import QueueOperations
from tests.support.clinic import Clinic
from tests.support.hub_process import running
from tests.support.waiting import until

CROWD = 60
SERVICES = 3
JOINS = "SELECT count(join_queue('user:1', '{0}' || n, '', 'A', 'low')) FROM generate_series(1, {1}) n"


async def crowd(stack: AsyncExitStack, hub: Hub, clinic: Clinic) -> list[HubClient]:
    """`CROWD` monitors that follow every line."""
    clients = [HubClient(hub.url, clinic.monitor) for _ in range(CROWD)]
    return [await stack.enter_async_context(client) for client in clients]


async def join(clinic: Clinic, word: str, count: int) -> None:
    """Patients join A by SQL, without a hub."""
    await asyncio.to_thread(clinic.rows, JOINS.format(word, count))


@contextmanager
def unreachable_database(clinic: Clinic, server: str) -> Iterator[None]:
    """Ends all connections to the test's database, and accepts none while the block runs."""
    name = make_url(clinic.database_url).database
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(
            text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        )
        yield
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    engine.dispose()


async def all_at(clients: list[HubClient], revision: int) -> None:
    lines = [client.replica.lines.line("A") for client in clients]
    await until(
        lambda: (
            all(c.state is ConnectionState.LIVE for c in clients)
            and all(line.revision == revision for line in lines)
        ),
        what=f"every client at {revision}: {sorted({line.revision for line in lines})}",
    )


@pytest.mark.parametrize(
    ("missed", "histories"), [(0, 0), (300, 1), (700, 0)], ids=["nothing", "replay", "snapshot"]
)
async def test_a_crowd_costs_a_new_hub_one_query_a_line(clinic: Clinic, missed: int, histories: int) -> None:
    async with AsyncExitStack() as stack:
        async with running(Hub(clinic.database_url)) as first:
            clients = await crowd(stack, first, clinic)
            await join(clinic, "before", 40)
            await all_at(clients, 40)
        if missed:
            await join(clinic, "missed", missed)
        async with running(Hub(clinic.database_url, port=first.port)) as second:
            await all_at(clients, 40 + missed)
            lines = second.components.notifications.lines
            assert (lines.snapshots_read, lines.histories_read) == (SERVICES, histories)
            expected = [t.id for t in lines.known("A").snapshot().waiting]
            assert all([t.id for t in c.replica.lines.line("A").waiting] == expected for c in clients)


async def test_a_crowd_that_connects_during_events_costs_no_query(clinic: Clinic) -> None:
    async with AsyncExitStack() as stack, running(Hub(clinic.database_url)) as hub:
        console = await stack.enter_async_context(HubClient(hub.url, clinic.staff, follow=False))

        async def keep_joining() -> None:
            for _ in range(100):
                await console.join_queue("A")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_joining())
            clients = await crowd(stack, hub, clinic)
        await all_at(clients, 100)
        assert hub.components.notifications.lines.snapshots_read == SERVICES


@pytest.mark.logs_expected
async def test_lines_are_readable_while_the_database_is_unreachable(clinic: Clinic, postgres: str) -> None:
    async with running(Hub(clinic.database_url)) as hub, HubClient(hub.url, clinic.staff) as console:
        await join(clinic, "before", 600)
        await all_at([console], 600)
        with unreachable_database(clinic, postgres):
            await until(lambda: hub.components.clinic_lists.stale, what="the hub to notice the lost database")
            snapshot = await console.snapshot("A")
            assert (snapshot.stale, snapshot.revision, len(snapshot.waiting)) == (True, 600, 500)
            answer = await console.request("queue.subscribe", {"services": ["A"]})
            assert answer["services"]["A"]["snapshot"]["stale"]
            assert (await console.request("services.list"))["stale"]
            assert (await console.request("counters.list"))["stale"]
            with pytest.raises(Unavailable):
                await console.request("tickets.get", {"ticket": str(snapshot.waiting[0].id)})
        await until(lambda: not hub.components.clinic_lists.stale, what="the database to be back")
        assert (await console.join_queue("A")).number == "A601"
        assert not (await console.snapshot("A")).stale


async def test_an_undo_reads_the_recent_tickets_from_the_database(clinic: Clinic) -> None:
    """A hub keeps the last ten called tickets; only the database knows the eleventh."""

    async with running(Hub(clinic.database_url)) as hub, HubClient(hub.url, clinic.supervisor) as console:
        for _ in range(12):
            ticket = await console.join_queue("A")
            await console.call_patient(ticket.id, "R1")
            await console.complete(ticket.id)
        ticket = await console.join_queue("A")
        await console.call_patient(ticket.id, "R1")
        await console.undo()
        shown = await console.snapshot("A")
        operations: QueueOperations = hub.components.operations
        stored = await operations.whole_line("A")
        assert [t.id for t in shown.recent] == [t.id for t in stored.recent]
        assert len(shown.recent) == 10


async def test_a_client_that_does_not_read_is_listed_as_slow(clinic: Clinic) -> None:
    async with running(Hub(clinic.database_url)) as hub, HubClient(hub.url, clinic.monitor) as frozen:
        notifications = hub.components.notifications
        assert notifications.subscribers.slow_clients() == []
        transport = frozen._connection.transport  # type: ignore[union-attr]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        transport.pause_reading()
        await join(clinic, "many", 480)
        await until(lambda: notifications.subscribers.slow_clients(), what="the frozen client to be noticed")
        [slow] = notifications.subscribers.slow_clients()
        assert (slow.client, slow.role, slow.last_method) == ("device:2", "monitor", "queue.event")
        assert slow.unread > 0
        [named] = hub.components.condition.report().figures.slow_clients
        assert (named.client, named.unread, named.behind > 0) == ("device:2", slow.unread, True)
        transport.resume_reading()
        await all_at([frozen], 480)
        assert notifications.subscribers.slow_clients() == []
