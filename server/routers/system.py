"""`ping`, `system.health`, `session.end` and `rpc.discover`."""

from __future__ import annotations

from datetime import UTC, datetime

from core.errors import Unavailable
from core.roles import ALL_ROLES, STAFF, SUPERVISOR
from core.wire.results import Done, Pong
from core.wire.system_health import SystemHealth
from server.routers.openrpc import Document, document
from server.routers.registry import Context, Params, command


@command("ping", ALL_ROLES, Params, Pong)
async def ping(context: Context, params: Params) -> Pong:
    """Returns the hub's time: the heartbeat of a connection."""
    return Pong(datetime.now(UTC))


@command("system.health", SUPERVISOR, Params, SystemHealth)
async def health(context: Context, params: Params) -> SystemHealth:
    """Returns this hub's findings and figures, also while the database is unreachable."""
    return context.health()


@command("session.end", STAFF, Params, Done, Unavailable)
async def end_session(context: Context, params: Params) -> Done:
    """Signs a person out: the session is no longer valid, and with the last one the person's counters are free."""
    await context.access.sign_out(context.caller)
    context.notifications.notify_counters_changed()
    context.after_reply = context.access.on_sessions
    return Done()


@command("rpc.discover", ALL_ROLES, Params, Document)
async def discover(context: Context, params: Params) -> Document:
    """Returns this document, which describes every method."""
    return document()
