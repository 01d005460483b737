"""`queue.*`: following a line, and staff's side of it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from server.commands import EVERYBODY, STAFF, SUPERVISOR, Code, Context, Key, Params, command
from server.routers.tickets import TicketParams, answer
from server.snapshots import part
from server.views import snapshot_view


class SubscribeParams(Params, frozen=True, kw_only=True):
    """Which services, None for all; the revisions held, and the epoch they belong to."""

    services: list[Code] | None
    since: dict[str, int] = msgspec.field(default_factory=dict)
    epoch: str | None = None


class SnapshotParams(Params, frozen=True, kw_only=True):
    """Which service, behind which place in line."""

    service: Code
    after: Annotated[int, msgspec.Meta(ge=0)] = 0


class CallNextParams(Params, frozen=True, kw_only=True):
    """To which counter; `complete` is the ticket open there, completed in the same transaction."""

    counter: Code
    key: Key
    complete: UUID | None = None


class ServiceParams(Params, frozen=True, kw_only=True):
    """Which service."""

    service: Code


@command("queue.subscribe", EVERYBODY, SubscribeParams)
async def subscribe(context: Context, params: SubscribeParams) -> dict[str, Any]:
    """Follows services: a snapshot or the missed events now, every event from then on."""
    services = None if params.services is None else frozenset(params.services)
    outbox, notifications = context.outbox, context.notifications
    answers = await notifications.subscribe(outbox, services, params.since, params.epoch)
    context.after_reply = lambda: notifications.begin(outbox)
    return {"services": answers}


@command("queue.snapshot", EVERYBODY, SnapshotParams)
async def snapshot(context: Context, params: SnapshotParams) -> dict[str, Any]:
    """A part of a line: 500 waiting behind place `after`."""
    whole = await context.notifications.fresh_snapshot(params.service)
    return {"snapshot": snapshot_view(part(whole, params.after), context.caller.view)}


@command("queue.call_next", STAFF, CallNextParams)
async def call_next(context: Context, params: CallNextParams) -> dict[str, Any]:
    """Calls the next patient to a counter."""
    complete = None if params.complete is None else str(params.complete)
    outcome = await context.operations.call_next_patient(
        context.caller.actor, params.key, params.counter, complete, context.caller.supervises
    )
    return {**answer(context, outcome), "why": outcome.result.why}


@command("queue.recall", STAFF, TicketParams)
async def recall(context: Context, params: TicketParams) -> dict[str, Any]:
    """Calls the patient once more."""
    outcome = await context.operations.recall_patient(context.caller.actor, params.key, str(params.ticket))
    return answer(context, outcome)


@command("queue.complete", STAFF, TicketParams)
async def complete(context: Context, params: TicketParams) -> dict[str, Any]:
    """The patient was served."""
    return await _finish(context, params, "completed")


@command("queue.no_show", STAFF, TicketParams)
async def no_show(context: Context, params: TicketParams) -> dict[str, Any]:
    """The patient did not come."""
    return await _finish(context, params, "no_show")


@command("queue.validate_integrity", SUPERVISOR, ServiceParams)
async def validate_integrity(context: Context, params: ServiceParams) -> Any:
    """What is wrong with a line's places; two empty lists: nothing."""
    return await context.operations.validate_queue_integrity(params.service)


async def _finish(context: Context, params: TicketParams, status: str) -> dict[str, Any]:
    outcome = await context.operations.finish_consultation(
        context.caller.actor, params.key, str(params.ticket), status
    )
    return answer(context, outcome)
