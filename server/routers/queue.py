"""`queue.*`: subscribing to lines, and the operations of staff."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from core.errors import (
    CounterBusy,
    CounterClosed,
    CounterTaken,
    NotConsulting,
    NotUndoable,
    NotWaiting,
    QueueEmpty,
    ServiceClosed,
    TicketNotFound,
    Unavailable,
    UnknownCounter,
    UnknownService,
)
from core.line.tickets import Place, Priority
from core.roles import ALL_ROLES, STAFF, SUPERVISOR
from core.wire.results import (
    CallNextResult,
    LineIntegrity,
    SnapshotResult,
    SubscribeResult,
    TicketResult,
    UndoResult,
)
from server.door.visibility import snapshot_view
from server.pushes.snapshots import part
from server.routers.registry import (
    Code,
    Context,
    Key,
    Params,
    Position,
    Reason,
    Revision,
    clean_reason,
    command,
)
from server.routers.tickets import TicketParams, answer, with_wait

CALLING = (UnknownCounter, CounterTaken, CounterClosed, CounterBusy)


class SubscribeParams(Params, frozen=True, kw_only=True):
    """`services` are codes, null for all. `since` maps service codes to the revisions held, which belong to `epoch`."""

    services: list[Code] | None
    since: dict[str, Revision] = msgspec.field(default_factory=dict)
    epoch: str | None = None


class SnapshotParams(Params, frozen=True, kw_only=True):
    """`after` is the place before the first ticket of the part, 0 for the line's beginning."""

    service: Code
    after: Annotated[int, msgspec.Meta(ge=0)] = 0


class CallNextParams(Params, frozen=True, kw_only=True):
    """`complete` is the ticket in consultation at the counter: it is completed in the same transaction."""

    counter: Code
    key: Key
    complete: UUID | None = None


class CallParams(TicketParams, frozen=True, kw_only=True):
    """`counter` is the code of the counter that the patient is called to."""

    counter: Code


class ParkParams(TicketParams, frozen=True, kw_only=True):
    """`reason` is a note for staff."""

    reason: Reason | None = None


class UnparkParams(TicketParams, frozen=True, kw_only=True):
    """`place` is the new place in line."""

    place: Place = "arrival"


class TransferParams(TicketParams, frozen=True, kw_only=True):
    """`service` is the new line, `place` the place in it."""

    service: Code
    place: Place


class PriorityParams(TicketParams, frozen=True, kw_only=True):
    """`priority` replaces the ticket's priority."""

    priority: Priority


class MoveParams(TicketParams, frozen=True, kw_only=True):
    """`position` is the new place in line, counted from 1."""

    position: Position


class UndoParams(Params, frozen=True, kw_only=True):
    """`operation` is the key of the caller's last operation, `key` the key of this request."""

    operation: Key
    key: Key


class ServiceParams(Params, frozen=True, kw_only=True):
    """`service` is its code."""

    service: Code


@command("queue.subscribe", ALL_ROLES, SubscribeParams, SubscribeResult, UnknownService, Unavailable)
async def subscribe(context: Context, params: SubscribeParams) -> SubscribeResult:
    """Subscribes to services: the answer has a snapshot or the missed events of each, and every later event is pushed."""
    services = None if params.services is None else frozenset(params.services)
    outbox, notifications = context.outbox, context.notifications
    answers = await notifications.subscribers.subscribe(outbox, services, params.since, params.epoch)
    context.after_reply = lambda: notifications.subscribers.begin(outbox)
    return SubscribeResult(answers, notifications.clinic_lists.stale)


@command("queue.snapshot", ALL_ROLES, SnapshotParams, SnapshotResult, UnknownService, Unavailable)
async def snapshot(context: Context, params: SnapshotParams) -> SnapshotResult:
    """Returns a part of a line: the 500 waiting tickets after place `after`."""
    whole = await context.notifications.fresh_snapshot(params.service)
    return SnapshotResult(snapshot_view(part(whole, params.after), context.caller.view))


@command("queue.call_next", STAFF, CallNextParams, CallNextResult, *CALLING, NotConsulting, QueueEmpty)
async def call_next(context: Context, params: CallNextParams) -> CallNextResult:
    """Calls the next patient to a counter."""
    complete = None if params.complete is None else str(params.complete)
    outcome = await context.operations.call_next_patient(
        context.caller.actor, params.key, params.counter, complete, context.caller.supervises
    )
    context.counter = params.counter
    context.notifications.notify_patient_called(outcome.events)
    result = outcome.result
    called = result.ticket and with_wait(context, result.ticket)
    return CallNextResult(called, result.revision, result.why)


@command("queue.call", STAFF, CallParams, TicketResult, *CALLING, TicketNotFound, NotWaiting)
async def call(context: Context, params: CallParams) -> TicketResult:
    """Calls a certain patient: waiting at any place, parked, or missed today."""
    caller = context.caller
    outcome = await context.operations.call_patient(
        caller.actor, params.key, str(params.ticket), params.counter, caller.supervises
    )
    context.counter = params.counter
    return answer(context, outcome, context.notifications.notify_patient_called)


@command("queue.recall", STAFF, TicketParams, TicketResult, TicketNotFound, NotConsulting, CounterTaken)
async def recall(context: Context, params: TicketParams) -> TicketResult:
    """Calls the patient again; like every act on a patient at a counter, it is for its holder and supervisors."""
    caller = context.caller
    outcome = await context.operations.recall_patient(
        caller.actor, params.key, str(params.ticket), caller.supervises
    )
    return answer(context, outcome, context.notifications.notify_patient_called)


@command("queue.complete", STAFF, TicketParams, TicketResult, TicketNotFound, NotConsulting, CounterTaken)
async def complete(context: Context, params: TicketParams) -> TicketResult:
    """Ends a consultation: the patient was served."""
    return await _finish(context, params, "completed")


@command("queue.no_show", STAFF, TicketParams, TicketResult, TicketNotFound, NotConsulting, CounterTaken)
async def no_show(context: Context, params: TicketParams) -> TicketResult:
    """Ends a call to which no patient came: the ticket goes to the line's end, or off if it has missed enough calls."""
    return await _finish(context, params, "no_show")


@command("queue.park", STAFF, ParkParams, TicketResult, TicketNotFound, NotWaiting, CounterTaken)
async def park(context: Context, params: ParkParams) -> TicketResult:
    """Puts a waiting or consulting patient aside."""
    outcome = await context.operations.park_ticket(
        context.caller.actor,
        params.key,
        str(params.ticket),
        clean_reason(params.reason),
        context.caller.supervises,
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.unpark", STAFF, UnparkParams, TicketResult, TicketNotFound, NotWaiting)
async def unpark(context: Context, params: UnparkParams) -> TicketResult:
    """Puts a parked patient back into the line."""
    outcome = await context.operations.unpark_ticket(
        context.caller.actor, params.key, str(params.ticket), params.place
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command(
    "queue.transfer",
    STAFF,
    TransferParams,
    TicketResult,
    TicketNotFound,
    NotWaiting,
    CounterTaken,
    UnknownService,
    ServiceClosed,
)
async def transfer(context: Context, params: TransferParams) -> TicketResult:
    """Moves a patient to another line; the ticket keeps its number."""
    caller = context.caller
    outcome = await context.operations.transfer_ticket(
        caller.actor, params.key, str(params.ticket), params.service, params.place, caller.supervises
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.set_priority", SUPERVISOR, PriorityParams, TicketResult, TicketNotFound, NotWaiting)
async def set_priority(context: Context, params: PriorityParams) -> TicketResult:
    """Sets a patient's priority and moves the ticket to the place that it gives."""
    outcome = await context.operations.set_ticket_priority(
        context.caller.actor, params.key, str(params.ticket), params.priority
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.move", SUPERVISOR, MoveParams, TicketResult, TicketNotFound, NotWaiting)
async def move(context: Context, params: MoveParams) -> TicketResult:
    """Moves a waiting patient to a place in line."""
    outcome = await context.operations.move_ticket(
        context.caller.actor, params.key, str(params.ticket), params.position
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.undo", STAFF, UndoParams, UndoResult, NotUndoable)
async def undo(context: Context, params: UndoParams) -> UndoResult:
    """Undoes the caller's last operation."""
    outcome = await context.operations.undo_operation(context.caller.actor, params.key, params.operation)
    context.notifications.notify_line_changed(outcome.events)
    restored = outcome.result.ticket
    return UndoResult(restored and with_wait(context, restored), outcome.result.revision)


@command("queue.validate_integrity", SUPERVISOR, ServiceParams, LineIntegrity, UnknownService, Unavailable)
async def validate_integrity(context: Context, params: ServiceParams) -> LineIntegrity:
    """Checks the places of a line; both lists are empty if it is sound."""
    return await context.operations.validate_queue_integrity(params.service)


async def _finish(
    context: Context, params: TicketParams, status: Literal["completed", "no_show"]
) -> TicketResult:
    outcome = await context.operations.finish_consultation(
        context.caller.actor, params.key, str(params.ticket), status, context.caller.supervises
    )
    return answer(context, outcome, context.notifications.notify_consultation_ended)
