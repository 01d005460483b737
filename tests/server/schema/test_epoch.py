"""The epoch changes once when a line may have lost events that windows have seen, and at no other time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from threading import Barrier

import psycopg
from sqlalchemy import make_url

from core.client.hub_client import HubClient
from server.database.calls import driver_url
from server.schema.backup import write_backup
from tests.support.backups import restore_file
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.private_clusters import query
from tests.support.waiting import WAIT_SECONDS, until

MOVED = "UPDATE settings SET cluster_identity = 'another cluster' RETURNING epoch::text"
STORED = "SELECT epoch::text, config_revision FROM settings"
HUBS = 8


def test_concurrent_hubs_make_a_single_new_epoch(clinic: Clinic) -> None:
    clinic.rows("SELECT current_epoch()")
    [(before, revision)] = clinic.rows(STORED)
    for _ in range(5):
        clinic.rows(MOVED)
        together = Barrier(HUBS)

        def ask(together: Barrier = together) -> object:
            with psycopg.connect(driver_url(clinic.database_url), autocommit=True) as connection:
                together.wait(WAIT_SECONDS)
                row = connection.execute("SELECT current_epoch()").fetchone()
            assert row is not None
            return row[0]

        with ThreadPoolExecutor(HUBS) as hubs:
            answers = {answer.result() for answer in [hubs.submit(ask) for _ in range(HUBS)]}
        [(epoch, after)] = clinic.rows(STORED)
        assert answers == {epoch}
        assert epoch != before
        assert after == revision + 1
        before, revision = epoch, after


def test_the_epoch_stays_while_the_database_stays(clinic: Clinic) -> None:
    clinic.rows("SELECT current_epoch()")
    [(epoch, revision)] = clinic.rows(STORED)
    clinic.rows("SELECT pg_switch_wal()")
    assert clinic.rows("SELECT current_epoch()") == [(epoch,)]
    assert clinic.rows(STORED) == [(epoch, revision)]


def test_a_read_only_connection_gets_the_stored_epoch(clinic: Clinic) -> None:
    [(epoch,)] = clinic.rows(MOVED)
    read_only = "-c default_transaction_read_only=on"
    with psycopg.connect(driver_url(clinic.database_url), options=read_only) as connection:
        assert connection.execute("SELECT current_epoch()").fetchone() == (epoch,)


def test_a_copied_database_has_its_own_epoch(clinic: Clinic) -> None:
    [(epoch,)] = clinic.rows("SELECT current_epoch()")
    url = make_url(clinic.database_url)
    name, server = f"copy_{token_hex(4)}", url.set(database="postgres").render_as_string(hide_password=False)
    query(server, f"CREATE DATABASE {name} TEMPLATE {url.database}")
    try:
        copied = url.set(database=name).render_as_string(hide_password=False)
        [(another,)] = query(copied, "SELECT current_epoch()")
        assert another != epoch
        assert query(copied, "SELECT current_epoch()") == [(another,)]
    finally:
        query(server, f"DROP DATABASE {name} WITH (FORCE)")
    assert clinic.rows("SELECT current_epoch()") == [(epoch,)]


async def test_a_restored_backup_reaches_every_window(
    clinic: Clinic, hub: HubProcess, tmp_path: Path
) -> None:
    engine = clinic.engine()

    async with HubClient(hub.url, clinic.kiosk) as desk, HubClient(hub.url, clinic.monitor) as wall:
        await desk.join_queue("A")
        write_backup(engine, tmp_path / "backup")
        for _ in range(3):
            await desk.join_queue("A")
        line = wall.replica.lines.line("A")
        await until(lambda: line.waiting_count == 4)
        epoch = line.epoch
        restore_file(engine, tmp_path / "backup")
        await until(lambda: line.epoch != epoch and line.waiting_count == 1)
        await desk.join_queue("A")
        await until(lambda: line.waiting_count == 2)
    engine.dispose()
