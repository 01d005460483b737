"""Checks a running hub from outside: the findings in its /readyz, and the round trip of one WebSocket frame."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from time import perf_counter
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

import msgspec
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from core.client.hub_connection import is_encrypted, trouble
from core.errors import HubError
from core.wire import protocol
from core.wire.system_health import HealthCheck, HealthLevel, SystemHealth
from server.checks.finding import Finding, Level

ANSWER_SECONDS = 5.0
PARTS = {
    "database": "it can't reach its database",
    "schema": "its program and its database are of different versions: stop it, run `inturn-hub db upgrade`, start it",
    "notification_service": "its notification service has stopped: windows show an old line. Restart it",
}
"""Member of /readyz -> what the fault is if it is false."""
_LEVELS: dict[HealthLevel, Level] = {"ok": "ok", "warning": "warning", "failed": "FAILED"}
_IN_HEALTH = {"database", "notification_service"}
"""Members of /readyz that the hub's own findings cover, too."""


def hub_findings(url: str, trusted: ssl.SSLContext | None = None) -> Iterator[Finding]:
    """Checks that a hub answers at `url`, is ready and serves WebSockets. A hub that isn't running is a warning.

    Args:
        trusted: verifies the certificate of a hub at wss://.
    """
    try:
        ready = _readiness(url, trusted)
    except ConnectionRefusedError:
        advice = "Start it: inturn-hub serve; or say where it is: --hub ws://HOST:PORT/ws"
        yield Finding("warning", "hub", f"No hub runs at {url}. {advice}")
        return
    except ssl.SSLCertVerificationError as error:
        yield Finding("FAILED", "hub", f"{url} is not trusted: {trouble(error).message}")
        return
    except (OSError, HTTPException, ValueError) as error:
        yield Finding(
            "FAILED",
            "hub",
            f"{url} does not answer as a hub does ({error}). Restart it, or name another with --hub",
        )
        return
    yield from _readiness_findings(url, ready)
    yield _round_trip(url, trusted)


def _readiness_findings(url: str, ready: dict[str, Any]) -> Iterator[Finding]:
    """Findings from /readyz, which has details only for the hub's own computer and for `metrics_from`."""
    health = _health(ready)
    covered = _IN_HEALTH if health else set()
    faults = [PARTS[part] for part in PARTS.keys() - covered if ready.get(part) is False]
    yield from (Finding("FAILED", "hub", f"The hub at {url}: {fault}.") for fault in faults)
    checks = [check for check in health.checks if check.level != "ok"] if health else []
    yield from (Finding(_LEVELS[check.level], "hub", _sentences(url, check)) for check in checks)
    if ready["ready"] and not checks:
        yield Finding("ok", "hub", f"The hub at {url} is ready{_details(health)}.")
    elif not ready["ready"] and not faults and not checks:
        advice = "Run doctor on its computer, or on one that its setting metrics_from names, to see why"
        yield Finding("FAILED", "hub", f"The hub at {url} says that it is not ready. {advice}.")


def _health(ready: dict[str, Any]) -> SystemHealth | None:
    try:
        return msgspec.convert(ready["health"], SystemHealth)
    except (KeyError, msgspec.ValidationError):
        return None


def _sentences(url: str, check: HealthCheck) -> str:
    return f"The hub at {url}: {check.sentence}{f' {check.advice}' if check.advice else ''}"


def _details(health: SystemHealth | None) -> str:
    if health is None:
        return ""
    clients = sum(health.figures.connections.values())
    return f": database, schema, notification service; {clients} clients are connected"


def _readiness(url: str, trusted: ssl.SSLContext | None) -> dict[str, Any]:
    parts = urlsplit(url)
    page = f"{'https' if is_encrypted(url) else 'http'}://{parts.netloc}/readyz"
    # No proxy: hubs are on the local network.
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=trusted))
    try:
        with opener.open(page, timeout=ANSWER_SECONDS) as answer:
            body = answer.read()
    except HTTPError as error:
        with error:
            body = error.read()
    except URLError as error:
        if isinstance(error.reason, OSError):
            raise error.reason from error
        raise
    ready = json.loads(body)
    if not isinstance(ready, dict) or "ready" not in ready:
        raise ValueError("something else listens there")
    return ready


def _round_trip(url: str, trusted: ssl.SSLContext | None) -> Finding:
    """Sends one request before hello on the path that windows use; a hub answers it `unauthenticated`."""
    started = perf_counter()
    try:
        with connect(
            url,
            ssl=trusted if is_encrypted(url) else None,
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
