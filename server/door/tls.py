"""TLS of the hub: its certificate and key, examined when they are loaded, and loaded again when the files change."""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import logging
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from core.errors import SetupError

log = logging.getLogger(__name__)

REMIND_SECONDS = 86_400.0
SOON = timedelta(days=14)
READ_BUFFER_BYTES = 2 * 1024
"""Longer than nearly every request. asyncio sets 256 KiB aside for every connection: 288 kB each were measured, 46 with
this."""
_NOT_YET_VALID, _EXPIRED = 9, 10


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: the hub's certificate, followed by those between it and its authority, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class _Pair:
    """A certificate and key in use: what connections are opened with, and the certificate as it was read."""

    context: ssl.SSLContext
    certificate: str


class TlsDoor:
    """The context that connections are opened with; the certificate in it is the newest good one.

    Attributes:
        context: for the listening sockets; it stays the same when the certificate changes.
        valid_until: when the certificate in use ends; None if that can't be told.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Loads the files. Raises SetupError with what is wrong with which."""
        asyncio.sslproto.SSLProtocol.max_size = READ_BUFFER_BYTES
        self._files = files
        self._stamps = _stamps(files)
        self._pair = _loaded(files)
        self.context = self._pair.context
        self.context.sni_callback = self._choose
        self.valid_until = _examined(self._pair, files)
        _warn_if_readable(files.key)

    def renew(self) -> None:
        """Loads the files again for connections from now on; damaged ones are logged, and the old ones go on."""
        self._stamps = _stamps(self._files)
        try:
            self._pair = _loaded(self._files)
        except SetupError as error:
            log.error("The new certificate is not used, the old one goes on. %s", error.message)
            return
        self.valid_until = _examined(self._pair, self._files)
        log.info("The certificate was loaded again")

    async def watch(self, seconds: float) -> None:
        """Every so many seconds: loads the files when they have changed; once a day reminds of an end that is near."""
        loop = asyncio.get_running_loop()
        reminded = loop.time()
        while True:
            await asyncio.sleep(seconds)
            if _stamps(self._files) != self._stamps:
                self.renew()
                reminded = loop.time()
            elif loop.time() - reminded > REMIND_SECONDS:
                self.valid_until = _examined(self._pair, self._files)
                reminded = loop.time()

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """OpenSSL asks at the beginning of every connection, whether the client named the hub or not."""
        connection.context = self._pair.context


def check_files(files: TlsFiles) -> None:
    """Raises SetupError with what is wrong with which file."""
    _loaded(files)


def _stamps(files: TlsFiles) -> list[tuple[int, int, int]]:
    return [_stamp(path) for path in (files.certificate, files.key)]


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _loaded(files: TlsFiles) -> _Pair:
    certificate, _ = (_read(path) for path in (files.certificate, files.key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key, password=lambda: _no_password(files.key))
    except ssl.SSLError as error:
        raise SetupError(_why_not(error, files)) from error
    except OSError as error:
        # A renewal may take a file away between the two reads.
        raise SetupError(f"{files.certificate} or {files.key} is gone: {error.strerror}.") from error
    return _Pair(context, certificate.decode("ascii", "replace"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path} can't be read for TLS: {error.strerror}.") from error


def _no_password(key: Path) -> NoReturn:
    raise SetupError(f"The key {key} is encrypted. The hub starts by itself: give it one without a password.")


def _why_not(error: ssl.SSLError, files: TlsFiles) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"The key {files.key} does not belong to the certificate {files.certificate}."
    return (
        f"{files.certificate} and {files.key} are not a certificate and its key in PEM form ({error.reason})."
    )


def _examined(pair: _Pair, files: TlsFiles) -> datetime | None:
    """When the certificate ends, found by a handshake in memory; warns of one that clients will not accept."""
    try:
        ends = _shown_to_a_client(pair)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _EXPIRED:
            log.warning("The certificate %s has expired: clients will refuse it.", files.certificate)
        elif error.verify_code == _NOT_YET_VALID:
            log.warning("The certificate %s is not valid yet: clients will refuse it.", files.certificate)
        return None
    except ssl.SSLError as error:
        log.warning("A trial with the certificate %s failed: %s", files.certificate, error.reason)
        return None
    if ends - datetime.now(UTC) < SOON:
        log.warning("The certificate %s ends on %s: renew it.", files.certificate, f"{ends:%Y-%m-%d}")
    return ends


def _shown_to_a_client(pair: _Pair) -> datetime:
    """Lets a client that trusts just this certificate look at it. Raises SSLError.

    The certificate is the one that was read, not its file: that may be away, or another one, by now.
    """
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(cadata=pair.certificate)
    to_client, to_hub = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_hub)
    hub = pair.context.wrap_bio(to_hub, to_client, server_side=True)
    for side in (client, hub, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    certificate = client.getpeercert()
    assert certificate is not None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


def _warn_if_readable(key: Path) -> None:
    if key.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        log.warning("Everybody on this computer can read the key %s. Set its mode to 0600.", key)
