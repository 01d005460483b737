"""`services.*`."""

from __future__ import annotations

from typing import Any

from server.commands import EVERYBODY, Context, Params, command


@command("services.list", EVERYBODY)
async def list_services(context: Context, params: Params) -> dict[str, Any]:
    """Every service with its state, people waiting and likely wait."""
    return context.notifications.overview.service_list()
