"""`services.*`."""

from __future__ import annotations

from typing import Literal

from core.errors import UnknownService
from core.roles import ADMIN, EVERYBODY, SUPERVISOR
from core.wire.results import DayClosed, ServiceList, ServiceResult
from server.door.visibility import ticket_view
from server.routers.registry import Code, Context, Key, Params, Reason, command


class StateParams(Params, frozen=True, kw_only=True):
    """Which service, and why; the reason goes into the administrators' log."""

    service: Code
    key: Key
    reason: Reason | None = None


class CloseDayParams(Params, frozen=True, kw_only=True):
    """Which service, None for all."""

    key: Key
    service: Code | None = None


@command("services.list", EVERYBODY, Params, ServiceList)
async def list_services(context: Context, params: Params) -> ServiceList:
    """Every service with its state, people waiting and likely wait."""
    return ServiceList(**context.notifications.clinic_lists.service_list())


@command("services.open", SUPERVISOR, StateParams, ServiceResult, UnknownService)
async def open_service(context: Context, params: StateParams) -> ServiceResult:
    """Lets patients join, in the service's hours."""
    return await _set_state(context, params, "open")


@command("services.pause", SUPERVISOR, StateParams, ServiceResult, UnknownService)
async def pause_service(context: Context, params: StateParams) -> ServiceResult:
    """Lets nobody join for a while; who waits is called."""
    return await _set_state(context, params, "paused")


@command("services.close", SUPERVISOR, StateParams, ServiceResult, UnknownService)
async def close_service(context: Context, params: StateParams) -> ServiceResult:
    """Lets nobody join until somebody opens it again; who waits is called."""
    return await _set_state(context, params, "closed")


@command("services.close_day", ADMIN, CloseDayParams, DayClosed, UnknownService)
async def close_day(context: Context, params: CloseDayParams) -> DayClosed:
    """Cancels who still waits or is parked, and names the consultations that it leaves open."""
    outcome = await context.operations.close_day(context.caller.actor, params.key, params.service)
    context.notifications.notify_line_changed(outcome.events)
    consulting = tuple(ticket_view(ticket, context.caller.view) for ticket in outcome.result.consulting)
    return DayClosed(outcome.result.cancelled, consulting)


async def _set_state(
    context: Context, params: StateParams, state: Literal["open", "paused", "closed"]
) -> ServiceResult:
    notifications = context.notifications
    outcome = await context.operations.set_service_state(
        context.caller.actor, params.key, params.service, state, params.reason
    )
    notifications.notify_service_changed(outcome.events)
    await notifications.clinic_lists.refresh()
    services = notifications.clinic_lists.service_list()["services"]
    return ServiceResult(next(service for service in services if service.code == params.service))
