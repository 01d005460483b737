"""The hub's pages beside the WebSocket: `/livez`, `/readyz` and `/metrics`.

Each is answered on its own connection before the WebSocket's handshake, whether the database answers or not.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from core.errors import HubError
from server.metrics import CONTENT_TYPE
from server.parts import HubParts
from server.schema import latest_revision


async def answer(request: Request, peer: str, parts: HubParts) -> Response | None:
    """What the hub answers to a plain HTTP request; None for `/ws`, where clients connect.

    Args:
        peer: the address at the other end of the connection.
    """
    match request.path.partition("?")[0]:
        case "/ws":
            return None
        case "/livez":
            return _json(HTTPStatus.OK, {"alive": True})
        case "/readyz":
            checks = await _readiness(parts)
            ready = all(checks.values())
            return _json(
                HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, {"ready": ready, **checks}
            )
        case "/metrics":
            return _response(HTTPStatus.OK, CONTENT_TYPE, parts.metrics.text())
    return _json(HTTPStatus.NOT_FOUND, {"error": "There is nothing here. Clients connect to /ws."})


async def _readiness(parts: HubParts) -> dict[str, bool]:
    try:
        revision = json.loads(await parts.database.call("schema_revision"))
    except HubError:
        revision = None
    return {
        "database": revision is not None,
        "schema": revision == latest_revision(),
        "notification_service": parts.notifications.running,
    }


def _json(status: HTTPStatus, body: dict[str, object]) -> Response:
    return _response(status, "application/json", json.dumps(body).encode())


def _response(status: HTTPStatus, content_type: str, body: bytes) -> Response:
    headers = Headers(
        {"Content-Type": content_type, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    )
    return Response(status.value, status.phrase, headers, body)
