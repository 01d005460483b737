"""While the database is away a refusal takes 0.1 s; its loss is noticed in 3.5 s, its return used within a second."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from time import monotonic

import pytest

from core.errors import Unavailable
from server.chores import Chores
from server.database.calls import Database
from tests.support.hub_process import HubProcess, hub_on
from tests.support.troubled_clinic import SERVICES, Kiosk, TroubledClinic, kiosk_at, was_done, was_unavailable

pytestmark = [pytest.mark.logs_expected, pytest.mark.usefixtures("no_qt_garbage")]


@pytest.fixture
def clinic(cluster_data: Path, tmp_path: Path) -> Iterator[TroubledClinic]:
    shutil.copytree(cluster_data, tmp_path / "data")
    clinic = TroubledClinic(tmp_path)
    yield clinic
    clinic.cluster.stop()


@pytest.fixture
def hub(clinic: TroubledClinic) -> Iterator[HubProcess]:
    with hub_on(clinic.url) as hub:
        yield hub


def p99_of_refusals(*kiosks: Kiosk) -> float:
    seconds = [press.seconds for kiosk in kiosks for press in kiosk.answers if was_unavailable(press)]
    return quantiles(seconds, n=100)[98]


async def test_refusals_of_a_stopped_database_take_a_tenth_of_a_second(
    clinic: TroubledClinic, hub: HubProcess
) -> None:
    kiosk = await kiosk_at(hub.url, clinic.token)
    await asyncio.to_thread(clinic.stop_at_once)
    for _ in range(200):
        assert was_unavailable(await kiosk.join())
        await asyncio.sleep(0.01)
    await kiosk.socket.close()
    assert p99_of_refusals(kiosk) < 0.1


async def test_a_frozen_database_is_noticed_in_seconds(clinic: TroubledClinic, hub: HubProcess) -> None:
    kiosks = [await kiosk_at(hub.url, clinic.token) for _ in range(12)]
    with clinic.frozen():
        first = await asyncio.gather(*(kiosk.join(SERVICES[n % 3]) for n, kiosk in enumerate(kiosks)))
        assert max(press.seconds for press in first) < 3.5
        for kiosk in kiosks:
            kiosk.answers.clear()
        for _ in range(20):
            await asyncio.gather(*(kiosk.join() for kiosk in kiosks))
        assert p99_of_refusals(*kiosks) < 0.1
    thawed = monotonic()
    assert (await kiosks[0].join_until(was_done)).at - thawed < 1
    for kiosk in kiosks:
        await kiosk.socket.close()


async def test_the_first_write_after_its_return_comes_within_a_second(clinic: TroubledClinic) -> None:
    """Counted from the moment at which PostgreSQL itself lets somebody in."""
    database = Database(clinic.url)
    await database.open(Chores())
    await database.call("schema_revision")
    await asyncio.to_thread(clinic.stop_at_once)
    with pytest.raises(Unavailable):
        await database.call("schema_revision")
    await asyncio.to_thread(clinic.start)
    back = monotonic()
    written = False
    while not written:
        written = await wrote(database)
        await asyncio.sleep(0.01)
    assert monotonic() - back < 1
    await database.close()


async def wrote(database: Database) -> bool:
    try:
        await database.call("join_queue", "user:1", "the first after its return", b"", "A")
    except Unavailable:
        return False
    return True
