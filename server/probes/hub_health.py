"""The running hub, asked from outside: its own word on its parts, and a frame there and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPException
from time import perf_counter
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from core import protocol
from core.errors import HubError
from server.probes.finding import Finding

ANSWER_SECONDS = 5.0
PARTS = {
    "database": "it can't reach its database",
    "schema": "its program and its database are of different versions: stop it, run `inturn-hub db upgrade`, start it",
    "notification_service": "its notification service has stopped: windows show an old line. Restart it",
}
"""Members of /readyz -> what it means when one is false."""


def hub_findings(url: str) -> Iterator[Finding]:
    """Whether a hub answers at `url`, is ready, and serves WebSockets. A hub that isn't running is a warning."""
    try:
        ready = _readiness(url)
    except ConnectionRefusedError:
        advice = "Start it: inturn-hub serve; or say where it is: --hub ws://HOST:PORT/ws"
        yield Finding("warning", "hub", f"No hub runs at {url}. {advice}")
        return
    except (OSError, HTTPException, ValueError) as error:
        yield Finding(
            "FAILED",
            "hub",
            f"{url} does not answer as a hub does ({error}). Restart it, or name another with --hub",
        )
        return
    troubles = [meaning for part, meaning in PARTS.items() if not ready.get(part)]
    if troubles:
        yield from (Finding("FAILED", "hub", f"The hub at {url}: {trouble}.") for trouble in troubles)
    else:
        yield Finding("ok", "hub", f"The hub at {url} is ready: database, schema, notification service.")
    yield _round_trip(url)


def _readiness(url: str) -> dict[str, bool]:
    parts = urlsplit(url)
    page = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}/readyz"
    try:
        # No proxy: the hub is in the house.
        with build_opener(ProxyHandler({})).open(page, timeout=ANSWER_SECONDS) as answer:
            body = answer.read()
    except HTTPError as error:
        with error:
            body = error.read()
    except URLError as error:
        if isinstance(error.reason, OSError):
            raise error.reason from error
        raise
    found = json.loads(body)
    if not isinstance(found, dict) or "ready" not in found:
        raise ValueError("something else listens there")
    return found


def _round_trip(url: str) -> Finding:
    """A frame before hello is answered `unauthenticated`: that is a hub, alive, on the path that windows use."""
    started = perf_counter()
    try:
        with connect(
            url,
            subprotocols=[Subprotocol(protocol.SUBPROTOCOL)],
            compression=None,
            open_timeout=ANSWER_SECONDS,
            close_timeout=1,
            proxy=None,
        ) as connection:
            connection.send(protocol.request_frame(1, "ping", {}).decode())
            reply = protocol.decode_incoming(connection.recv(ANSWER_SECONDS))
    except (OSError, WebSocketException, HubError) as error:
        advice = "Look whether a proxy or a firewall stands between"
        return Finding("FAILED", "websocket", f"{url} takes no WebSocket ({error}). {advice}")
    milliseconds = (perf_counter() - started) * 1000
    if reply.error is None or protocol.error_from_reply(reply.error).reason != "unauthenticated":
        return Finding("FAILED", "websocket", f"{url} answers a stranger: that is no hub of InTurn's.")
    return Finding("ok", "websocket", f"Connected, asked and answered in {milliseconds:.0f} ms.")
