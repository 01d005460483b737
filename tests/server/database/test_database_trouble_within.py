"""The database is reachable but can't serve: no free connection, too many connections, a full disk. Each refusal has
its own sentence, the breaker stays closed, and no acknowledged change is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import psycopg
import pytest
from sqlalchemy import make_url

from core.errors import HubError, Unavailable
from server.chores import Chores
from server.database.calls import Database, driver_url
from server.database.errors import BUSY, CROWDED, DISK_FULL
from server.database.pool import MAX_WAITING, Connection, ConnectionPool
from server.timings import USUAL, Timings
from tests.support.clinic import Clinic
from tests.support.private_clusters import query
from tests.support.waiting import WAIT_SECONDS, in_time, until

pytestmark = [pytest.mark.long, pytest.mark.logs_expected]

SIZE = "size=48m,mode=0777"
PATIENT = Timings(lock=WAIT_SECONDS, connection=WAIT_SECONDS)


async def answer_of(database: Database, function: str, *arguments: object) -> HubError | str:
    try:
        return await database.call(function, *arguments)
    except HubError as error:
        return error


async def test_a_call_that_waits_too_long_for_a_connection_is_refused(clinic: Clinic) -> None:
    database = Database(clinic.database_url, size=2, timings=replace(PATIENT, connection=USUAL.connection))
    await database.open(Chores())
    loop = asyncio.get_running_loop()
    with locked(clinic.database_url):
        holding = [loop.create_task(answer_of(database, "pg_advisory_lock_shared", 1)) for _ in range(2)]
        waiting = [loop.create_task(answer_of(database, "schema_revision")) for _ in range(MAX_WAITING)]
        await until(lambda: database.pool_stats()["waiting"] == MAX_WAITING)
        # A call above the limit is refused without waiting.
        assert isinstance(await answer_of(database, "schema_revision"), Unavailable)
        refused = await asyncio.gather(*waiting)
        assert not any(call.done() for call in holding)
    for refusal in refused:
        assert isinstance(refusal, Unavailable)
        assert (refusal.message, refusal.data) == (BUSY, {"retry_after": 1})
    assert database.available
    assert all(isinstance(answer, str) for answer in await asyncio.gather(*holding))
    assert isinstance(await answer_of(database, "schema_revision"), str)
    assert database.pool_stats() == {"size": 2, "idle": 2, "waiting": 0, "max": 2}
    await database.close()


@contextlib.contextmanager
def locked(url: str) -> Iterator[None]:
    """Holds advisory lock 1 while the block runs: a call that takes it keeps its connection until then."""
    with psycopg.connect(driver_url(url), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        yield


async def test_a_cancelled_wait_leaves_its_turn_to_the_next(clinic: Clinic) -> None:
    database = Database(clinic.database_url, size=1, timings=PATIENT)
    await database.open(Chores())
    loop = asyncio.get_running_loop()
    for _ in range(10):
        with locked(clinic.database_url):
            crowd = [
                loop.create_task(answer_of(database, "pg_advisory_xact_lock_shared", 1)) for _ in range(5)
            ]
            await until(lambda: database.pool_stats()["waiting"] == 4)
            crowd[1].cancel()
            crowd[3].cancel()
        ends = await asyncio.gather(*crowd, return_exceptions=True)
        assert [isinstance(end, str) for end in ends] == [True, False, True, False, True]
    assert database.pool_stats() == {"size": 1, "idle": 1, "waiting": 0, "max": 1}
    await database.close()


@pytest.mark.parametrize("lost", [False, True])
async def test_a_wait_cancelled_at_its_turn_hands_the_turn_on(clinic: Clinic, lost: bool) -> None:
    """The turn is a connection, or permission to open one in place of a lost one."""

    async def connect() -> Connection:
        return await psycopg.AsyncConnection.connect(driver_url(clinic.database_url), autocommit=True)

    async def nothing_to_ask(_connection: Connection) -> None:
        pass

    pool = ConnectionPool(connect, nothing_to_ask, 1)
    lease = await pool.take()
    lease.doomed = lost
    waiting = [asyncio.get_running_loop().create_task(pool.take()) for _ in range(2)]
    await until(lambda: pool.stats()["waiting"] == 2)
    pool.give_back(lease)
    waiting[0].cancel()
    next_lease = await in_time(waiting[1])
    assert (next_lease is lease) == (not lost)
    pool.give_back(next_lease)
    assert waiting[0].cancelled()
    assert pool.stats() == {"size": 1, "idle": 1, "waiting": 0, "max": 1}
    pool.forget_all()


@pytest.fixture
def crowded_url(clinic: Clinic) -> Iterator[str]:
    """The URL of the clinic's database for a role that may have one connection."""
    name = f"crowded_{token_hex(4)}"
    query(
        clinic.database_url,
        f"CREATE ROLE {name} LOGIN PASSWORD '{name}' CONNECTION LIMIT 1 IN ROLE inturn_hub",
    )
    url = make_url(clinic.database_url).set(username=name, password=name)
    yield url.render_as_string(hide_password=False)
    query(clinic.database_url, f"DROP ROLE {name}")


async def test_a_server_at_its_connection_limit_is_reported_as_crowded(crowded_url: str) -> None:
    """Other clients hold the server's connections; the hub keeps working with its own."""

    database = Database(crowded_url, size=2)
    await database.open(Chores())
    sleeping = asyncio.get_running_loop().create_task(answer_of(database, "pg_sleep", 0.5))
    await until(lambda: database.pool_stats()["size"] == 1)
    await asyncio.sleep(0.2)
    refusal = await answer_of(database, "schema_revision")
    assert isinstance(refusal, Unavailable)
    assert (refusal.message, refusal.data) == (CROWDED, {"retry_after": 1})
    assert database.available
    assert isinstance(await sleeping, str)
    assert isinstance(await answer_of(database, "schema_revision"), str)
    await database.close()


class Disk:
    """The disk of a clinic's tables, which can be filled and emptied."""

    def __init__(self, url: str, place: Path | None) -> None:
        self.url = url
        self._place = place

    def fill(self) -> None:
        """Fills the disk. Without permission to mount a small disk, a trigger raises the error instead."""
        if self._place is None:
            query(
                self.url,
                "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END'",
            )
            query(self.url, "CREATE TRIGGER fill BEFORE INSERT ON queue_events EXECUTE FUNCTION fill()")
            return
        with contextlib.suppress(OSError), (self._place / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(bytes(4096)):
                pass

    def make_room(self) -> None:
        """Frees space."""
        if self._place is None:
            query(self.url, "DROP FUNCTION fill CASCADE")
        else:
            (self._place / "ballast").unlink()


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[bool]:
    """Mounts a small disk at `place` while the block runs; yields false without permission to mount one."""
    mounted = (
        subprocess.run(["mount", "-t", "tmpfs", "-o", SIZE, "tmpfs", place], check=False).returncode == 0
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", place], check=True)


@contextlib.contextmanager
def created(server: str, what: str, how: str) -> Iterator[None]:
    """Creates an object on the server, and drops it after the block."""
    query(server, f"CREATE {what} {how}")
    try:
        yield
    finally:
        query(server, f"DROP {what}")


@pytest.fixture
def disk(postgres: str, template: Clinic) -> Iterator[Disk]:
    """A clinic whose tables lie on a small disk of their own. It is outside pytest's folders: a killed run leaves the
    disk busy, so that pytest could not remove it.
    """
    name = f"on_disk_{token_hex(4)}"
    copied = make_url(template.database_url)
    url = copied.set(database=name).render_as_string(hide_password=False)
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory(prefix="inturn-disk-")))
        place.chmod(0o755)
        mounted = stack.enter_context(small_disk(place))
        how = f"TEMPLATE {copied.database} STRATEGY FILE_COPY"
        if mounted:
            (place / "tables").mkdir()
            (place / "tables").chmod(0o777)
            stack.enter_context(created(postgres, f"TABLESPACE {name}", f"LOCATION '{place / 'tables'}'"))
            how += f" TABLESPACE {name}"
        stack.enter_context(created(postgres, f"DATABASE {name}", how))
        yield Disk(url, place if mounted else None)


async def test_a_full_disk_is_reported_and_no_change_is_lost(disk: Disk) -> None:
    database = Database(disk.url)
    await database.open(Chores())
    done: list[str] = []

    async def join(key: str) -> HubError | str:
        answer = await answer_of(database, "join_queue", "user:1", key, b"", "A")
        if isinstance(answer, str):
            done.append(key)
        return answer

    assert isinstance(await join("while there was room"), str)
    await asyncio.to_thread(disk.fill)
    while isinstance(refusal := await join(f"key {len(done)}"), str):
        assert len(done) < 5000, "the disk is not full"
    assert isinstance(refusal, Unavailable)
    assert (refusal.message, refusal.data) == (DISK_FULL, {"retry_after": 10})
    assert database.available
    assert isinstance(await answer_of(database, "queue_snapshot", "A"), str)
    refused = f"key {len(done)}"
    await asyncio.to_thread(disk.make_room)
    assert isinstance(await join(refused), str)
    await database.close()
    print(f"{len(done) - 2} joins until the disk was full")
    assert query(disk.url, "SELECT count(*), count(DISTINCT number) FROM tickets") == [(len(done),) * 2]
    assert query(disk.url, "SELECT revision FROM services WHERE code = 'A'") == [(len(done),)]
    assert query(disk.url, "SELECT * FROM broken_links()") == []
