"""`queue.*`: following a line, and staff's side of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from core.tickets import Place, Priority
from server.commands import (
    EVERYBODY,
    STAFF,
    SUPERVISOR,
    Code,
    Context,
    Key,
    Params,
    Position,
    Reason,
    Revision,
    command,
)
from server.routers.tickets import TicketParams, answer
from server.snapshots import part
from server.views import snapshot_view


class SubscribeParams(Params, frozen=True, kw_only=True):
    """Which services, None for all; the revisions held, and the epoch they belong to."""

    services: list[Code] | None
    since: dict[str, Revision] = msgspec.field(default_factory=dict)
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


class CallParams(TicketParams, frozen=True, kw_only=True):
    """To which counter."""

    counter: Code


class ParkParams(TicketParams, frozen=True, kw_only=True):
    """Why, for staff."""

    reason: Reason | None = None


class UnparkParams(TicketParams, frozen=True, kw_only=True):
    """Where in line."""

    place: Place = "arrival"


class TransferParams(TicketParams, frozen=True, kw_only=True):
    """To which line, and where in it."""

    service: Code
    place: Place


class PriorityParams(TicketParams, frozen=True, kw_only=True):
    """Which priority from now on."""

    priority: Priority


class MoveParams(TicketParams, frozen=True, kw_only=True):
    """Which place in line, from 1."""

    position: Position


class UndoParams(Params, frozen=True, kw_only=True):
    """The key of the caller's last operation, and this request's own."""

    operation: Key
    key: Key


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
    return {
        **answer(context, outcome, context.notifications.notify_patient_called),
        "why": outcome.result.why,
    }


@command("queue.call", STAFF, CallParams)
async def call(context: Context, params: CallParams) -> dict[str, Any]:
    """Calls one patient: waiting wherever in line, parked, or missed today."""
    caller = context.caller
    outcome = await context.operations.call_patient(
        caller.actor, params.key, str(params.ticket), params.counter, caller.supervises
    )
    return answer(context, outcome, context.notifications.notify_patient_called)


@command("queue.recall", STAFF, TicketParams)
async def recall(context: Context, params: TicketParams) -> dict[str, Any]:
    """Calls the patient once more."""
    outcome = await context.operations.recall_patient(context.caller.actor, params.key, str(params.ticket))
    return answer(context, outcome, context.notifications.notify_patient_called)


@command("queue.complete", STAFF, TicketParams)
async def complete(context: Context, params: TicketParams) -> dict[str, Any]:
    """The patient was served."""
    return await _finish(context, params, "completed")


@command("queue.no_show", STAFF, TicketParams)
async def no_show(context: Context, params: TicketParams) -> dict[str, Any]:
    """The patient did not come: off, or last in line before as many calls as the service grants."""
    return await _finish(context, params, "no_show")


@command("queue.park", STAFF, ParkParams)
async def park(context: Context, params: ParkParams) -> dict[str, Any]:
    """Puts a waiting or consulting patient aside."""
    outcome = await context.operations.park_ticket(
        context.caller.actor, params.key, str(params.ticket), params.reason
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.unpark", STAFF, UnparkParams)
async def unpark(context: Context, params: UnparkParams) -> dict[str, Any]:
    """A parked patient waits again."""
    outcome = await context.operations.unpark_ticket(
        context.caller.actor, params.key, str(params.ticket), params.place
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.transfer", STAFF, TransferParams)
async def transfer(context: Context, params: TransferParams) -> dict[str, Any]:
    """Moves a patient to another line, with the same number."""
    outcome = await context.operations.transfer_ticket(
        context.caller.actor, params.key, str(params.ticket), params.service, params.place
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.set_priority", SUPERVISOR, PriorityParams)
async def set_priority(context: Context, params: PriorityParams) -> dict[str, Any]:
    """Gives a patient another priority and the place that belongs to it."""
    outcome = await context.operations.set_ticket_priority(
        context.caller.actor, params.key, str(params.ticket), params.priority
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.move", SUPERVISOR, MoveParams)
async def move(context: Context, params: MoveParams) -> dict[str, Any]:
    """Puts a waiting patient at a place in line."""
    outcome = await context.operations.move_ticket(
        context.caller.actor, params.key, str(params.ticket), params.position
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.undo", STAFF, UndoParams)
async def undo(context: Context, params: UndoParams) -> dict[str, Any]:
    """Takes back the caller's last operation."""
    outcome = await context.operations.undo_operation(context.caller.actor, params.key, params.operation)
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.validate_integrity", SUPERVISOR, ServiceParams)
async def validate_integrity(context: Context, params: ServiceParams) -> Any:
    """What is wrong with a line's places; two empty lists: nothing."""
    return await context.operations.validate_queue_integrity(params.service)


async def _finish(
    context: Context, params: TicketParams, status: Literal["completed", "no_show"]
) -> dict[str, Any]:
    outcome = await context.operations.finish_consultation(
        context.caller.actor, params.key, str(params.ticket), status
    )
    return answer(context, outcome, context.notifications.notify_consultation_ended)
