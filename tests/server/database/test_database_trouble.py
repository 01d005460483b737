"""The database of a hub is unreachable: requests are refused at once, and the first write after its return works."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.errors import HubError, Unavailable
from server.chores import Chores
from server.database.calls import Database, driver_url
from server.timings import Timings
from tests.support.hub_process import HubProcess
from tests.support.troubled_clinic import (
    SERVICES,
    TroubledClinic,
    kiosk_at,
    was_done,
    was_unavailable,
)
from tests.support.waiting import in_time, until

pytestmark = [pytest.mark.long, pytest.mark.logs_expected, pytest.mark.usefixtures("no_qt_garbage")]


@pytest.fixture(scope="module")
def whole_clinic(cluster_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TroubledClinic]:
    root = tmp_path_factory.mktemp("troubled")
    shutil.copytree(cluster_data, root / "data")
    clinic = TroubledClinic(root)
    yield clinic
    clinic.cluster.stop()


@pytest.fixture
def clinic(whole_clinic: TroubledClinic) -> TroubledClinic:
    whole_clinic.start()  # a failed test may have left it stopped
    return whole_clinic


@pytest.fixture
def hub(clinic: TroubledClinic) -> Iterator[HubProcess]:
    hub = HubProcess(clinic.url)
    yield hub
    assert hub.terminate() == 0


async def test_requests_are_refused_while_the_database_is_stopped_and_work_after_its_return(
    clinic: TroubledClinic, hub: HubProcess
) -> None:
    kiosk = await kiosk_at(hub.url, clinic.token)
    assert was_done(await kiosk.join())
    await asyncio.to_thread(clinic.stop_at_once)
    for _ in range(60):
        assert was_unavailable(await kiosk.join())
        await asyncio.sleep(0.01)
    starting = asyncio.get_running_loop().run_in_executor(None, clinic.start)
    await kiosk.join_until(was_done)
    await starting
    assert was_done(await kiosk.join())
    await kiosk.socket.close()
    assert all(0 < press.refused["retry_after"] <= 1 for press in kiosk.answers if press.refused)


async def test_the_first_write_after_the_databases_return_works(clinic: TroubledClinic) -> None:
    database = Database(clinic.url)
    await database.open(Chores())
    assert await database.call("schema_revision")
    await asyncio.to_thread(clinic.stop_at_once)
    with pytest.raises(Unavailable):
        await database.call("schema_revision")
    notified: list[bool] = []
    database.on_available = lambda: notified.append(database.available)
    assert database.unavailable_since is not None
    await asyncio.to_thread(clinic.start)
    await until(lambda: database.available)
    assert isinstance(await call(database, "join_queue", "user:1", "back", b"", "A"), str)
    assert notified == [True]
    assert database.unavailable_since is None
    await database.close()


async def test_requests_to_a_frozen_database_are_refused(clinic: TroubledClinic, hub: HubProcess) -> None:
    kiosks = [await kiosk_at(hub.url, clinic.token) for _ in range(12)]
    for kiosk in kiosks:
        assert was_done(await kiosk.join("B"))
    with clinic.frozen():
        first = await asyncio.gather(*(kiosk.join(SERVICES[n % 3]) for n, kiosk in enumerate(kiosks)))
        assert all(map(was_unavailable, first))
        assert all(map(was_unavailable, await asyncio.gather(*(kiosk.join() for kiosk in kiosks))))
    await kiosks[0].join_until(was_done)
    for kiosk in kiosks:
        await kiosk.socket.close()


async def test_clients_do_not_notice_killed_backends(clinic: TroubledClinic, hub: HubProcess) -> None:
    before = tickets(clinic)
    kiosks = [await kiosk_at(hub.url, clinic.token) for _ in range(6)]
    for _ in range(4):
        assert all(map(was_done, await asyncio.gather(*(kiosk.join() for kiosk in kiosks))))
        await asyncio.to_thread(
            clinic.rows,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'inturn-hub'",
        )
    assert all(map(was_done, await asyncio.gather(*(kiosk.join("B") for kiosk in kiosks))))
    for kiosk in kiosks:
        await kiosk.socket.close()
    assert tickets(clinic) == before + 30


async def test_all_waiting_calls_fail_at_once_when_the_database_freezes(
    clinic: TroubledClinic,
) -> None:
    """Calls with a connection and calls that wait for one fail when the watch finds the database unreachable."""

    database = Database(clinic.url, size=2)
    await database.open(Chores())
    sleeping = [call(database, "pg_sleep", 5) for _ in range(6)]
    answers = asyncio.gather(*sleeping)
    await until(lambda: database.pool_stats()["waiting"] == 4)
    with clinic.frozen():
        refused = await in_time(answers)
    assert [type(answer) for answer in refused] == [Unavailable] * 6


async def call(database: Database, function: str, *arguments: object) -> HubError | str:
    try:
        return await database.call(function, *arguments)
    except HubError as error:
        return error


def tickets(clinic: TroubledClinic) -> int:
    return int(clinic.rows("SELECT count(*) FROM tickets")[0][0])


async def test_a_frozen_connection_is_dropped_while_the_database_works(
    clinic: TroubledClinic,
) -> None:
    """The connection's call gets no answer; the database is reachable throughout."""
    ended: list[str] = []
    database = Database(clinic.url, timings=Timings(call=0.5))
    database.on_call = lambda outcome, _seconds: ended.append(outcome)
    await database.open(Chores())
    assert isinstance(await call(database, "pg_sleep", 8), Unavailable)
    assert database.available
    assert ended == ["unavailable"]
    await database.close()


def make_read_only(clinic: TroubledClinic, read_only: bool) -> None:
    value = "on" if read_only else "off"
    with psycopg.connect(
        driver_url(clinic.url), autocommit=True, options="-c default_transaction_read_only=off"
    ) as connection:
        connection.execute(
            f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = {value}"
        )


async def test_a_read_only_database_counts_as_unreachable(clinic: TroubledClinic) -> None:
    """As after a failover: the server answers, but takes no writes."""

    database = Database(clinic.url, size=1)
    await database.open(Chores())
    assert isinstance(await call(database, "join_queue", "user:1", "writable", b"", "A"), str)
    make_read_only(clinic, True)
    await database.call("set_config", "default_transaction_read_only", "on", False)  # its old connection
    refused = await call(database, "join_queue", "user:1", "read only", b"", "A")
    assert isinstance(refused, Unavailable)
    assert not database.available
    make_read_only(clinic, False)
    await until(lambda: database.available)
    assert isinstance(await call(database, "join_queue", "user:1", "writable again", b"", "A"), str)
    await database.close()


async def test_a_hub_stops_in_order_beside_a_frozen_database(clinic: TroubledClinic) -> None:
    stopping = HubProcess(clinic.url)
    kiosk = await kiosk_at(stopping.url, clinic.token)
    with clinic.frozen():
        joining = asyncio.get_running_loop().create_task(kiosk.join())
        assert await asyncio.to_thread(stopping.terminate) == 0
    await asyncio.gather(joining, return_exceptions=True)
    await kiosk.socket.close()
