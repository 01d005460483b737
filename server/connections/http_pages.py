"""The hub's HTTP pages: `/livez`, `/readyz` and `/metrics`.

Each is answered instead of the WebSocket's handshake, whether the database answers or not. Every peer may read that the
hub is alive and ready, as load balancers do. The details of `/readyz`, and `/metrics`, are only for the computers that
`metrics_from` names, by default the hub's own. A local address is no proof of trust: visitors in the waiting room have
one, too.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from core.errors import HubError, SetupError
from server.connections.composition import HubComponents
from server.database.schema_revision import needed_schema
from server.health.metrics import CONTENT_TYPE

WEBSOCKET_PATH = "/ws"
OWN_COMPUTER = "127.0.0.0/8, ::1"
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
"""Headers that a proxy adds: behind a proxy, every client has the proxy's address."""
NOT_FOR_YOU = (
    "Only the hub's own computer reads this page, and those that its setting metrics_from names. "
    'The administrator sets it, e.g. metrics_from = "127.0.0.0/8, ::1, 10.0.0.5".'
)


class Readers:
    """The computers that may read every page with its details."""

    def __init__(self, networks: str = OWN_COMPUTER) -> None:
        """`networks`: addresses and networks, separated by commas. Raises SetupError."""
        try:
            named = [part.strip() for part in networks.split(",") if part.strip()]
            self._networks = [ipaddress.ip_network(part) for part in named]
        except ValueError as error:
            raise SetupError(f"metrics_from must name addresses or networks: {error}.") from error

    def admits(self, peer: str, headers: Mapping[str, str]) -> bool:
        """Whether a request comes from one of these computers, and not through a proxy."""
        if any(name in headers for name in FORWARDED):
            return False
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


THIS_COMPUTER = Readers()


def path_of(request: Request) -> str:
    """A request's path without its query."""
    return request.path.partition("?")[0]


async def answer(
    request: Request, peer: str, components: HubComponents, readers: Readers = THIS_COMPUTER
) -> Response | None:
    """The response to an HTTP request; None for `/ws`, so that the WebSocket's handshake follows.

    Args:
        peer: the address at the other end of the connection.
        readers: the computers that may read every page with its details.
    """
    admitted = readers.admits(peer, request.headers)
    match path_of(request):
        case path if path == WEBSOCKET_PATH:
            return None
        case "/livez":
            return _json(HTTPStatus.OK, {"alive": True})
        case "/readyz":
            return await _readiness(components, detailed=admitted)
        case "/metrics" if admitted:
            return _response(HTTPStatus.OK, CONTENT_TYPE, components.metrics.text())
        case "/metrics":
            return _json(HTTPStatus.FORBIDDEN, {"error": NOT_FOR_YOU})
    return _json(HTTPStatus.NOT_FOUND, {"error": "There is nothing here. Clients connect to /ws."})


async def _readiness(components: HubComponents, *, detailed: bool) -> Response:
    """Body {"ready"}: whether clients should connect here. With `detailed`, also each check and `system.health`."""
    try:
        schema = json.loads(await components.database.call("schema_revision"))
    except HubError:
        schema = None
    checks = {
        "database": schema is not None,
        "schema": schema == asdict(needed_schema()),
        "notification_service": components.notifications.outside.running,
    }
    ready = all(checks.values())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    if not detailed:
        return _json(status, {"ready": ready})
    return _json(
        status, {"ready": ready, **checks, "health": msgspec.to_builtins(components.condition.report())}
    )


def _json(status: HTTPStatus, body: dict[str, object]) -> Response:
    return _response(status, "application/json", json.dumps(body).encode())


def _response(status: HTTPStatus, content_type: str, body: bytes) -> Response:
    headers = Headers(
        {"Content-Type": content_type, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    )
    return Response(status.value, status.phrase, headers, body)
