"""`ping`, how the hub is, the end of a session, and `rpc.discover`."""

from __future__ import annotations

from datetime import UTC, datetime

from core.errors import Unavailable
from core.roles import EVERYBODY, STAFF, SUPERVISOR
from core.wire.results import Done, Pong
from core.wire.system_health import SystemHealth
from server.routers.openrpc import Document, document
from server.routers.registry import Context, Params, command


@command("ping", EVERYBODY, Params, Pong)
async def ping(context: Context, params: Params) -> Pong:
    """The application's heartbeat: the hub's time."""
    return Pong(datetime.now(UTC))


@command("system.health", SUPERVISOR, Params, SystemHealth)
async def health(context: Context, params: Params) -> SystemHealth:
    """How this hub is, in words and figures; told while the database is away, too."""
    return context.health()


@command("session.end", STAFF, Params, Done, Unavailable)
async def end_session(context: Context, params: Params) -> Done:
    """Signs a person out: their session opens nothing any more."""
    await context.access.sign_out(context.caller)
    context.after_reply = context.access.on_sessions
    return Done()


@command("rpc.discover", EVERYBODY, Params, Document)
async def discover(context: Context, params: Params) -> Document:
    """Describes every method: this document."""
    return document()
