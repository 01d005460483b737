"""TLS: the hub checks its files, loads a new certificate without a restart, and bounds the memory of a connection."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from core.client.hub_client import HubClient
from core.errors import SetupError
from core.settings import Settings
from core.wire.protocol import SUBPROTOCOL
from server.cli import serve_command
from server.door import tls
from server.door.tls import TlsDoor, TlsFiles, check_files
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.memory_use import resident_bytes
from tests.support.places import CERTIFICATES
from tests.support.waiting import WAIT_SECONDS, until

AUTHORITY = CERTIFICATES / "authority.pem"
GOOD = TlsFiles(CERTIFICATES / "valid.pem", CERTIFICATES / "hub_key.pem")
IDLE = 80


def trusting() -> ssl.SSLContext:
    """The context of a clinic's computer that trusts the authority; tests check the name themselves."""
    context = ssl.create_default_context(cafile=str(AUTHORITY))
    context.check_hostname = False
    return context


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    """The test's own certificate and key, at first the good pair."""
    own = TlsFiles(tmp_path / "hub.pem", tmp_path / "hub.key")
    shutil.copy(GOOD.certificate, own.certificate)
    shutil.copy(GOOD.key, own.key)
    own.key.chmod(0o600)
    return own


@pytest.mark.parametrize(
    ("certificate", "key", "sentence"),
    [
        ("missing.pem", "hub_key.pem", r"missing.pem can't be read for TLS: No such file"),
        ("valid.pem", "missing.pem", r"missing.pem can't be read for TLS: No such file"),
        ("valid.pem", "other_key.pem", r"other_key.pem does not belong to the certificate .*valid.pem"),
        ("hub_key.pem", "hub_key.pem", r"not a certificate and its key in PEM form"),
        ("valid.pem", "valid.pem", r"not a certificate and its key in PEM form"),
        ("valid.pem", "encrypted_key.pem", r"is encrypted. The hub starts by itself"),
    ],
)
def test_wrong_files_are_refused_in_a_sentence(certificate: str, key: str, sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence):
        check_files(TlsFiles(CERTIFICATES / certificate, CERTIFICATES / key))


def test_tls_settings_are_checked_before_the_start() -> None:
    given = Settings(tls_cert=str(GOOD.certificate), tls_key=str(GOOD.key))
    assert serve_command.tls_files(Settings()) is None
    assert serve_command.tls_files(given) == GOOD
    with pytest.raises(SetupError, match="both a certificate and its key"):
        serve_command.tls_files(replace(given, tls_key=""))
    with pytest.raises(SetupError, match="does not belong"):
        serve_command.tls_files(replace(given, tls_key=str(CERTIFICATES / "other_key.pem")))


def test_a_good_certificate_logs_nothing_and_has_an_end(files: TlsFiles) -> None:
    door = TlsDoor(files)
    assert door.valid_until is not None
    assert door.valid_until.year == 2126
    assert door.context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.logs_expected
def test_an_expired_certificate_and_an_open_key_are_warned_about(
    files: TlsFiles, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(CERTIFICATES / "expired.pem", files.certificate)
    files.key.chmod(0o644)
    door = TlsDoor(files)
    assert door.valid_until is None
    assert "has expired: clients will refuse it" in caplog.text
    assert "Every user of this computer can read the key" in caplog.text


@asynccontextmanager
async def listening(door: TlsDoor) -> AsyncIterator[int]:
    """The port of a server that uses the door's context."""
    watch = asyncio.get_running_loop().create_task(door.watch(0.02))
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=door.context)
    try:
        async with server:
            yield server.sockets[0].getsockname()[1]
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def name_at(port: int) -> str:
    """The first name in the certificate of the server at the port."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting())
    names = writer.get_extra_info("peercert")["subjectAltName"]
    writer.close()
    return str(names[0][1])


@pytest.mark.logs_expected
async def test_a_new_certificate_is_used_without_a_restart_and_a_damaged_file_is_not(
    files: TlsFiles, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async with listening(TlsDoor(files)) as port:
        assert await name_at(port) == "127.0.0.1"
        files.certificate.write_text("-----BEGIN CERTIFICATE-----\nhalf a ")
        await until(lambda: "the old one stays in use" in caplog.text)
        assert await name_at(port) == "127.0.0.1"
        shutil.copy(CERTIFICATES / "other_name.pem", files.certificate)
        await until(lambda: "was loaded again" in caplog.text)
        assert await name_at(port) == "hub.example"
        shutil.copy(CERTIFICATES / "other_key.pem", files.key)
        await until(lambda: "does not belong" in caplog.text)
        assert await name_at(port) == "hub.example"


def unlink_after_each_read(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Removes the file as soon as OpenSSL has read it, as a renewal may do."""
    real = ssl.SSLContext.load_cert_chain

    def load(context: ssl.SSLContext, *arguments: Any, **named: Any) -> None:
        real(context, *arguments, **named)
        file.unlink()

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)


@pytest.mark.logs_expected
async def test_a_certificate_missing_between_two_reads_is_loaded_later(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async with listening(TlsDoor(files)) as port:
        with monkeypatch.context() as renewal:
            unlink_after_each_read(renewal, files.certificate)
            shutil.copy(CERTIFICATES / "other_name.pem", files.certificate)
            await until(lambda: not files.certificate.exists())
        await until(lambda: "was loaded again" in caplog.text)
        assert await name_at(port) == "hub.example"
        caplog.clear()
        shutil.copy(GOOD.certificate, files.certificate)
        await until(lambda: "was loaded again" in caplog.text)
        assert await name_at(port) == "127.0.0.1"


@pytest.mark.logs_expected
async def test_a_certificate_missing_when_its_end_is_read_is_loaded_later(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stamps = [0]
    monkeypatch.setattr(tls, "REMIND_SECONDS", 0.0)
    # The file disappears right after the watch has compared its stamp.
    monkeypatch.setattr(tls, "_stamps", lambda files: list(stamps))
    caplog.set_level(logging.INFO)

    door = TlsDoor(files)
    async with listening(door) as port:
        files.certificate.unlink()
        door.valid_until = None
        await until(lambda: door.valid_until, what="the watch to read the certificate's end")
        shutil.copy(CERTIFICATES / "other_name.pem", files.certificate)
        stamps[0] += 1
        await until(lambda: "was loaded again" in caplog.text)
        assert await name_at(port) == "hub.example"


async def test_a_hub_speaks_wss_and_https(clinic: Clinic) -> None:
    hub = HubProcess(clinic.database_url, tls=GOOD)

    try:
        assert hub.url.startswith("wss://127.0.0.1:")
        async with HubClient(hub.url, clinic.staff, ca_file=str(AUTHORITY)) as client:
            joined = await client.request("tickets.join", {"service": "A"}, keyed=True)
            assert joined
        page = await asyncio.to_thread(read_page, hub.url.replace("wss", "https").replace("/ws", "/readyz"))
        assert b'"ready": true' in page
    finally:
        assert hub.terminate() == 0


def encrypted(hub: HubProcess) -> connect:
    """A connection with TLS and no hello."""
    return connect(hub.url, ssl=trusting(), subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None)


def read_page(url: str) -> bytes:
    """A page over https."""
    with urllib.request.urlopen(url, context=trusting(), timeout=WAIT_SECONDS) as page:
        found: bytes = page.read()
        return found


async def test_a_connection_with_tls_costs_a_hundred_kilobytes_at_most(clinic: Clinic) -> None:
    hub = HubProcess(clinic.database_url, tls=GOOD)

    try:
        async with AsyncExitStack() as opened:
            # The first connections allocate what all connections share.
            for _ in range(10):
                await opened.enter_async_context(encrypted(hub))
            before = resident_bytes(hub.pid)
            for _ in range(IDLE):
                await opened.enter_async_context(encrypted(hub))
            cost = (resident_bytes(hub.pid) - before) / IDLE
            print(f"{cost / 1000:.0f} kB of the hub's memory for each connection with TLS")
            assert cost < 100_000
    finally:
        hub.terminate()
