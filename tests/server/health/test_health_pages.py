"""The health pages, and a hub whose database is killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from core.client.hub_client import HubClient
from core.client.hub_connection import pair
from core.errors import Unavailable
from core.wire.session import PersonCredentials
from tests.server.cli.test_command_line import serving
from tests.support.clinic import PASSWORD, Clinic
from tests.support.command import inturn_hub
from tests.support.hub_process import HubProcess
from tests.support.waiting import WAIT_SECONDS, until


def page(url: str, name: str) -> tuple[int, str]:
    """Status and body of a page beside the WebSocket."""
    try:
        with urlopen(
            url.replace("ws://", "http://").replace("/ws", f"/{name}"), timeout=WAIT_SECONDS
        ) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_healthy_hub_is_alive_and_ready(clinic: Clinic, hub: HubProcess) -> None:
    assert page(hub.url, "livez") == (200, '{"alive": true}')
    status, body = page(hub.url, "readyz")
    assert (status, json.loads(body)["ready"]) == (200, True)
    assert page(hub.url, "nothing")[0] == 404


async def test_metrics_count_requests_and_hold_no_name(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        await console.join_queue("A", patient_name="Amal Haddad")
        _, text = await asyncio.to_thread(page, hub.url, "metrics")
    assert 'inturn_requests_total{method="tickets.join",outcome="ok"} 1.0' in text
    assert 'inturn_connections{role="staff"} 1.0' in text
    assert "Haddad" not in text


async def test_a_device_is_paired_once(clinic: Clinic, hub: HubProcess) -> None:
    code = inturn_hub(
        "device", "pair", "--role", "kiosk", "--database-url", clinic.database_url
    ).stdout.strip()

    credentials = await pair(hub.url, code.lower(), "test")
    async with HubClient(hub.url, credentials) as kiosk:
        assert kiosk.hello is not None
        assert kiosk.hello.role == "kiosk"
    with pytest.raises(Exception, match="wrong, used or too old"):
        await pair(hub.url, code, "test")


@pytest.mark.logs_expected
async def test_clients_follow_a_restored_database(clinic: Clinic, hub: HubProcess, tmp_path: Path) -> None:
    on = ("--database-url", clinic.database_url)

    async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(hub.url, clinic.monitor) as monitor:
        line = monitor.replica.lines.line("A")
        for _ in range(6):
            await kiosk.join_queue("A")
        assert (await asyncio.to_thread(inturn_hub, "db", "backup", str(tmp_path / "b"), *on)).returncode == 0
        for _ in range(3):
            await kiosk.join_queue("A")
        await until(lambda: len(line.waiting) == 9)
        assert (
            await asyncio.to_thread(inturn_hub, "db", "restore", str(tmp_path / "b"), "--yes", *on)
        ).returncode == 0
        await until(lambda: len(line.waiting) == 6, what="the wall to show the restored line")
        assert (await kiosk.join_queue("A")).number == "A007"
        await until(lambda: len(line.waiting) == 7)


@pytest.mark.long
@pytest.mark.logs_expected
async def test_a_hub_restarts_its_killed_database(tmp_path: Path) -> None:
    data = str(tmp_path)
    for command in (["service", "add", "A", "Doctor"], ["user", "add", "staff", "--role", "staff"]):
        assert inturn_hub(*command, "--data-dir", data, INTURN_PASSWORD=PASSWORD).returncode == 0

    with serving("--data-dir", data) as hub:
        assert hub.stdout is not None
        url = hub.stdout.readline().split()[-1]
        async with HubClient(url, PersonCredentials("staff", PASSWORD)) as console:
            before = await console.join_queue("A")
            os.kill(int((tmp_path / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
            after = await _join_when_possible(console)
            assert [before.number, after.number] == ["A001", "A002"]
            await until(lambda: len(console.replica.lines.line("A").waiting) == 2)
            await _ready(url)
        hub.send_signal(signal.SIGTERM)
        hub.communicate(timeout=WAIT_SECONDS)


async def _ready(url: str) -> None:
    """Waits until the hub is ready: a killed server may still have answered the last requests."""
    async with asyncio.timeout(WAIT_SECONDS):
        status = 0
        while status != 200:
            status, _ = await asyncio.to_thread(page, url, "readyz")


async def _join_when_possible(console: HubClient) -> Any:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            with contextlib.suppress(Unavailable):
                return await console.join_queue("A")
