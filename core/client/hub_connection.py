"""Opens a connection to a hub: its trust in certificates, and a sentence for each way in which opening can fail."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from core.client.hub_address import checked_addresses
from core.client.program import with_version
from core.errors import HubError, SetupError, Unavailable, UntrustedHub
from core.wire import protocol
from core.wire.client_timings import USUAL
from core.wire.session import DeviceCredentials

UNREACHABLE = "The hub can't be reached. Check that it is running and that this computer is on the network."
NOT_A_HUB = (
    "Something answers at the hub's address, but not as a hub does. Check the address, and whether it begins "
    "with ws:// or with wss://."
)
BUSY = "The hub takes no more connections at the moment. This computer keeps trying."
_BUSY_STATUS, _BUSY_CLOSE = frozenset({429, 503}), frozenset({1013, 4429})
_EXPIRED, _NOT_YET_VALID, _OTHER_NAMES = 10, 9, frozenset({62, 64})
_UNKNOWN_AUTHORITIES = frozenset({2, 18, 19, 20, 21})


def trust(ca_file: str = "") -> ssl.SSLContext:
    """Returns the TLS context for a hub, with the system's authorities or those of a file. Raises SetupError."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except ssl.SSLError as error:
        raise SetupError(f"{ca_file} is not a certificate in PEM form. Check the setting hub_ca.") from error
    except OSError as error:
        raise SetupError(f"The certificate {ca_file} can't be read: {error.strerror}.") from error


def trust_for(urls: Sequence[str], ca_file: str = "") -> ssl.SSLContext | None:
    """Returns the TLS context for these addresses; None when none of them is encrypted. Raises SetupError."""
    return trust(ca_file) if any(map(is_encrypted, urls)) else None


def is_encrypted(url: str) -> bool:
    """Whether an address uses TLS."""
    return url.startswith("wss:")


def open_connection(url: str, trusted: ssl.SSLContext | None, seconds: float = USUAL.open) -> connect:
    """Returns a connection, to be opened with `async with` within `seconds`; `trouble` takes what it raises."""
    # No proxy: the hub is in the clinic's network, and the system's proxy would look for it outside.
    # No ping of the library: the method `ping` shows that the hub's application answers.
    return connect(
        url,
        ssl=trusted if is_encrypted(url) else None,
        subprotocols=[Subprotocol(protocol.SUBPROTOCOL)],
        compression=None,
        max_size=protocol.MAX_PUSH_BYTES,
        ping_interval=None,
        open_timeout=seconds,
        close_timeout=1,
        proxy=None,
    )


def hang_up(connection: ClientConnection) -> None:
    """Closes the connection to a silent hub at once.

    `transport` is the only undocumented name of the library that the client uses. The documented `close` would wait for
    the closing handshake, which a silent hub does not send.
    """
    connection.transport.abort()


def trouble(error: BaseException) -> HubError:
    """Returns the error, with a sentence for a person, of a connection that failed."""
    if isinstance(error, HubError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return UntrustedHub(_about_certificate(error))
    if _is_busy(error):
        return Unavailable(BUSY)
    # A hub without TLS resets a connection that begins with a TLS handshake.
    if isinstance(error, ssl.SSLError | InvalidHandshake | ConnectionResetError):
        return Unavailable(NOT_A_HUB)
    return Unavailable(UNREACHABLE)


def _is_busy(error: BaseException) -> bool:
    if isinstance(error, InvalidStatus):
        return error.response.status_code in _BUSY_STATUS
    return isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code in _BUSY_CLOSE


def _about_certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "The hub's certificate has expired. The person who looks after the hub has to renew it."
    if error.verify_code == _NOT_YET_VALID:
        return "The hub's certificate is not valid yet. Check this computer's date and time."
    if error.verify_code in _OTHER_NAMES:
        return "The hub's certificate is for another name. Use the name that it was made for in the hub's address."
    if error.verify_code in _UNKNOWN_AUTHORITIES:
        return (
            "This computer does not know who issued the hub's certificate. If the clinic issues its own, set hub_ca "
            "to the file with the certificate of its authority."
        )
    return f"The hub's certificate can't be trusted: {error.verify_message}."


async def pair(
    addresses: str | Sequence[str], code: str, client_name: str, *, role: str | None = None, ca_file: str = ""
) -> DeviceCredentials:
    """Exchanges a pairing code for a device's credentials, at the first hub that is reachable.

    `role` is the program's: the hub refuses a code for the other one, which stays valid.

    Raises HubError; SetupError for an invalid address or certificate file.
    """
    urls = checked_addresses(addresses)
    trusted = trust_for(urls, ca_file)
    failed: HubError = Unavailable(UNREACHABLE)
    for address in urls:
        try:
            async with asyncio.timeout(2 * USUAL.open), open_connection(address, trusted) as connection:
                params = {"code": code, "client": with_version(client_name), "role": role}
                await connection.send(protocol.request_frame(1, "session.pair", params), text=True)
                reply = protocol.decode_incoming(await connection.recv(decode=False))
        except (OSError, WebSocketException) as error:
            failed = trouble(error)
            continue
        if reply.error is not None:
            raise protocol.error_from_reply(reply.error)
        return protocol.decode_value(reply.result, DeviceCredentials)
    raise failed
