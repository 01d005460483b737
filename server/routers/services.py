"""`services.*`: the services, their states and the daily close."""

from __future__ import annotations

from typing import Literal

from core.errors import UnknownService
from core.roles import ADMIN, ALL_ROLES, SUPERVISOR
from core.wire.results import DayClosed, ServiceList, ServiceResult
from server.door.visibility import ticket_view
from server.routers.registry import Code, Context, Key, Params, Reason, clean_reason, command


class StateParams(Params, frozen=True, kw_only=True):
    """`service` is its code. `reason` goes into the administrators' log."""

    service: Code
    key: Key
    reason: Reason | None = None


class CloseDayParams(Params, frozen=True, kw_only=True):
    """`service` is its code, null for all services."""

    key: Key
    service: Code | None = None


@command("services.list", ALL_ROLES, Params, ServiceList)
async def list_services(context: Context, params: Params) -> ServiceList:
    """Lists every service with its state, the number of waiting patients and the estimated wait."""
    await context.notifications.fresh_lists()
    return ServiceList(**context.notifications.clinic_lists.service_list())


@command("services.open", SUPERVISOR, StateParams, ServiceResult, UnknownService)
async def open_service(context: Context, params: StateParams) -> ServiceResult:
    """Opens a service: patients can join during its opening hours."""
    return await _set_state(context, params, "open")


@command("services.pause", SUPERVISOR, StateParams, ServiceResult, UnknownService)
async def pause_service(context: Context, params: StateParams) -> ServiceResult:
    """Pauses a service: no patient can join, waiting patients are still called."""
    return await _set_state(context, params, "paused")


@command("services.close", SUPERVISOR, StateParams, ServiceResult, UnknownService)
async def close_service(context: Context, params: StateParams) -> ServiceResult:
    """Closes a service until it is opened again: no patient can join, waiting patients are still called."""
    return await _set_state(context, params, "closed")


@command("services.close_day", ADMIN, CloseDayParams, DayClosed, UnknownService)
async def close_day(context: Context, params: CloseDayParams) -> DayClosed:
    """Cancels every waiting or parked ticket and returns the consultations that stay open."""
    outcome = await context.operations.close_day(context.caller.actor, params.key, params.service)
    context.notifications.notify_line_changed(outcome.events)
    context.notifications.notify_counters_changed()
    consulting = tuple(ticket_view(ticket, context.caller.view) for ticket in outcome.result.consulting)
    return DayClosed(outcome.result.cancelled, consulting)


async def _set_state(
    context: Context, params: StateParams, state: Literal["open", "paused", "closed"]
) -> ServiceResult:
    notifications = context.notifications
    outcome = await context.operations.set_service_state(
        context.caller.actor, params.key, params.service, state, clean_reason(params.reason)
    )
    notifications.notify_service_changed(outcome.events)
    await notifications.clinic_lists.refresh()
    services = notifications.clinic_lists.service_list()["services"]
    return ServiceResult(next(service for service in services if service.code == params.service))
