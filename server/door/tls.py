"""TLS of the hub: loads and checks its certificate and key, and loads them again when the files change."""

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
"""Time between two warnings of a certificate that ends soon."""
SOON = timedelta(days=14)
READ_BUFFER_BYTES = 2 * 1024
"""Read buffer of a TLS connection; nearly every request fits. asyncio's default is 256 KiB for every connection
(DECISIONS: What does a TLS connection cost?)."""
_NOT_YET_VALID, _EXPIRED = 9, 10


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: the hub's certificate with its intermediate certificates, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class _Pair:
    """A loaded certificate and key: the context for connections, and the certificate's text as read."""

    context: ssl.SSLContext
    certificate: str


class TlsDoor:
    """Gives connections the newest valid certificate.

    Attributes:
        context: for the listening sockets; it stays the same when the certificate changes.
        valid_until: end of the certificate in use; None if it is unknown.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Loads the files. Raises SetupError, which names the file and the fault."""
        asyncio.sslproto.SSLProtocol.max_size = READ_BUFFER_BYTES
        self._files = files
        self._stamps = _stamps(files)
        self._pair = _loaded(files)
        self.context = self._pair.context
        self.context.sni_callback = self._choose
        self.valid_until = _examined(self._pair, files)
        _warn_if_readable(files.key)

    def renew(self) -> None:
        """Loads the files again for new connections; if they are invalid, logs that and keeps the old certificate."""
        self._stamps = _stamps(self._files)
        try:
            self._pair = _loaded(self._files)
        except SetupError as error:
            log.error("The new certificate is not used, the old one stays in use. %s", error.message)
            return
        self.valid_until = _examined(self._pair, self._files)
        log.info("The certificate was loaded again")

    async def watch(self, seconds: float) -> None:
        """Loads files that have changed, checked every `seconds`; once a day warns of a certificate that ends soon."""
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
        """Sets the certificate in use; OpenSSL calls this for every new connection, also without a server name."""
        connection.context = self._pair.context


def check_files(files: TlsFiles) -> None:
    """Raises SetupError, which names the file and the fault, if the files can't be used."""
    _loaded(files)


def _stamps(files: TlsFiles) -> list[tuple[int, int, int]]:
    return [_stamp(path) for path in (files.certificate, files.key)]


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def _loaded(files: TlsFiles) -> _Pair:
    certificate, _ = (_read(path) for path in (files.certificate, files.key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key, password=lambda: _no_password(files.key))
    except ssl.SSLError as error:
        raise SetupError(_why_not(error, files)) from error
    except OSError as error:
        # A renewal can remove a file between the two reads.
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
    """End of the certificate, read by a handshake in memory; logs a warning for one that clients will refuse."""
    try:
        ends = _shown_to_a_client(pair)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _EXPIRED:
            log.warning("The certificate %s has expired: clients will refuse it.", files.certificate)
        elif error.verify_code == _NOT_YET_VALID:
            log.warning("The certificate %s is not valid yet: clients will refuse it.", files.certificate)
        return None
    except ssl.SSLError as error:
        log.warning("A test handshake with the certificate %s failed: %s", files.certificate, error.reason)
        return None
    if ends - datetime.now(UTC) < SOON:
        log.warning("The certificate %s ends on %s: renew it.", files.certificate, f"{ends:%Y-%m-%d}")
    return ends


def _shown_to_a_client(pair: _Pair) -> datetime:
    """End of the certificate as a client sees it that trusts only this certificate. Raises SSLError.

    It uses the certificate's text as read: the file may be missing or changed by now.
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
        log.warning("Every user of this computer can read the key %s. Set its mode to 0600.", key)
