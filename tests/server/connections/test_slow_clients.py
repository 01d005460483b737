"""A hub killed or frozen while a client waits, and clients that read slowly or not at all. Crowds: tests/faults."""

from __future__ import annotations

import asyncio
import socket

import pytest

from core.client.hub_client import HubClient
from core.wire.session import ConnectionState
from tests.support.client_timings import SOON
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until


@pytest.mark.logs_expected
async def test_a_join_requested_while_the_hub_is_down_happens_once(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        hub.kill()
        await until(lambda: kiosk.state is ConnectionState.LOST, what="the loss to be noticed")
        joining = asyncio.get_running_loop().create_task(kiosk.join_queue("A"))
        await asyncio.sleep(0.1)
        hub.restart()
        assert (await joining).number == "A001"
    assert clinic.rows("SELECT count(*) FROM tickets") == [(1,)]


@pytest.mark.logs_expected
async def test_a_join_at_a_frozen_hub_happens_once(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk, timings=SOON) as kiosk:
        hub.freeze()
        joining = asyncio.get_running_loop().create_task(kiosk.join_queue("A"))
        await until(lambda: kiosk.state is ConnectionState.LOST, what="the silence to be noticed")
        hub.thaw()
        assert (await joining).number == "A001"
        await until(lambda: kiosk.state is ConnectionState.LIVE)
    assert clinic.rows("SELECT count(*) FROM tickets") == [(1,)]


async def test_a_client_that_stops_reading_delays_no_other_client(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.monitor) as frozen, HubClient(hub.url, clinic.staff) as console:
        transport = frozen._connection.transport  # type: ignore[union-attr]
        transport.pause_reading()
        await asyncio.to_thread(
            clinic.rows,
            "SELECT count(join_queue('user:1', 'k' || n, '', 'A', 'low')) FROM generate_series(1, 600) n",
        )
        line = console.replica.lines.line("A")
        await until(lambda: line.revision == 600, what="the reading client")
        assert (await console.join_queue("A")).position == 1
        transport.resume_reading()
        late = frozen.replica.lines.line("A")
        await until(lambda: late.revision == 601, what="the client that reads again")
        assert [t.id for t in late.waiting] == [t.id for t in line.waiting]


async def test_a_client_that_reads_slowly_gets_a_long_line_in_parts(clinic: Clinic, hub: HubProcess) -> None:
    """Each part exceeds the limit of unread bytes: it must be read before the next is sent, while events continue."""
    joins = "SELECT count(join_queue('user:1', 'k' || n, '', 'A')) FROM generate_series(1, 1200) n"

    async with HubClient(hub.url, clinic.monitor) as slow, HubClient(hub.url, clinic.staff) as console:
        transport = slow._connection.transport  # type: ignore[union-attr]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        transport.pause_reading()
        await asyncio.to_thread(clinic.rows, joins)
        line, late = console.replica.lines.line("A"), slow.replica.lines.line("A")
        await until(lambda: line.revision == 1200, what="the reading client")
        transport.resume_reading()
        while late.revision < 1200:
            await console.join_queue("B")
            await asyncio.sleep(0.05)
        assert [t.id for t in late.waiting] == [t.id for t in line.waiting]
        line, late = console.replica.lines.line("B"), slow.replica.lines.line("B")
        await until(lambda: late.revision == line.revision, what="the events meanwhile")
