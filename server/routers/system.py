"""`ping` and the end of a session."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from server.commands import EVERYBODY, STAFF, Context, Params, command


@command("ping", EVERYBODY)
async def ping(context: Context, params: Params) -> dict[str, Any]:
    """The application's heartbeat: the hub's time."""
    return {"time": datetime.now(UTC)}


@command("session.end", STAFF)
async def end_session(context: Context, params: Params) -> dict[str, Any]:
    """Signs a person out: their session opens nothing any more."""
    await context.access.sign_out(context.caller)
    return {}
