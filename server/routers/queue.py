"""`queue.*`: following a line, and staff's side of it."""

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
from core.roles import EVERYBODY, STAFF, SUPERVISOR
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
from server.routers.registry import Code, Context, Key, Params, Position, Reason, Revision, command
from server.routers.tickets import TicketParams, answer, with_wait

CALLING = (UnknownCounter, CounterTaken, CounterClosed, CounterBusy)


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


@command("queue.subscribe", EVERYBODY, SubscribeParams, SubscribeResult, UnknownService, Unavailable)
async def subscribe(context: Context, params: SubscribeParams) -> SubscribeResult:
    """Follows services: a snapshot or the missed events now, every event from then on."""
    services = None if params.services is None else frozenset(params.services)
    outbox, notifications = context.outbox, context.notifications
    answers = await notifications.subscribers.subscribe(outbox, services, params.since, params.epoch)
    context.after_reply = lambda: notifications.subscribers.begin(outbox)
    return SubscribeResult(answers, notifications.clinic_lists.stale)


@command("queue.snapshot", EVERYBODY, SnapshotParams, SnapshotResult, UnknownService, Unavailable)
async def snapshot(context: Context, params: SnapshotParams) -> SnapshotResult:
    """A part of a line: 500 waiting behind place `after`."""
    whole = await context.notifications.fresh_snapshot(params.service)
    return SnapshotResult(snapshot_view(part(whole, params.after), context.caller.view))


@command("queue.call_next", STAFF, CallNextParams, CallNextResult, *CALLING, NotConsulting, QueueEmpty)
async def call_next(context: Context, params: CallNextParams) -> CallNextResult:
    """Calls the next patient to a counter."""
    complete = None if params.complete is None else str(params.complete)
    outcome = await context.operations.call_next_patient(
        context.caller.actor, params.key, params.counter, complete, context.caller.supervises
    )
    context.notifications.notify_patient_called(outcome.events)
    result = outcome.result
    called = result.ticket and with_wait(context, result.ticket)
    return CallNextResult(called, result.revision, result.why)


@command("queue.call", STAFF, CallParams, TicketResult, *CALLING, TicketNotFound, NotWaiting)
async def call(context: Context, params: CallParams) -> TicketResult:
    """Calls one patient: waiting wherever in line, parked, or missed today."""
    caller = context.caller
    outcome = await context.operations.call_patient(
        caller.actor, params.key, str(params.ticket), params.counter, caller.supervises
    )
    return answer(context, outcome, context.notifications.notify_patient_called)


@command("queue.recall", STAFF, TicketParams, TicketResult, TicketNotFound, NotConsulting)
async def recall(context: Context, params: TicketParams) -> TicketResult:
    """Calls the patient once more."""
    outcome = await context.operations.recall_patient(context.caller.actor, params.key, str(params.ticket))
    return answer(context, outcome, context.notifications.notify_patient_called)


@command("queue.complete", STAFF, TicketParams, TicketResult, TicketNotFound, NotConsulting)
async def complete(context: Context, params: TicketParams) -> TicketResult:
    """The patient was served."""
    return await _finish(context, params, "completed")


@command("queue.no_show", STAFF, TicketParams, TicketResult, TicketNotFound, NotConsulting)
async def no_show(context: Context, params: TicketParams) -> TicketResult:
    """The patient did not come: off, or last in line before as many calls as the service grants."""
    return await _finish(context, params, "no_show")


@command("queue.park", STAFF, ParkParams, TicketResult, TicketNotFound, NotWaiting)
async def park(context: Context, params: ParkParams) -> TicketResult:
    """Puts a waiting or consulting patient aside."""
    outcome = await context.operations.park_ticket(
        context.caller.actor, params.key, str(params.ticket), params.reason
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.unpark", STAFF, UnparkParams, TicketResult, TicketNotFound, NotWaiting)
async def unpark(context: Context, params: UnparkParams) -> TicketResult:
    """A parked patient waits again."""
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
    UnknownService,
    ServiceClosed,
)
async def transfer(context: Context, params: TransferParams) -> TicketResult:
    """Moves a patient to another line, with the same number."""
    outcome = await context.operations.transfer_ticket(
        context.caller.actor, params.key, str(params.ticket), params.service, params.place
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.set_priority", SUPERVISOR, PriorityParams, TicketResult, TicketNotFound, NotWaiting)
async def set_priority(context: Context, params: PriorityParams) -> TicketResult:
    """Gives a patient another priority and the place that belongs to it."""
    outcome = await context.operations.set_ticket_priority(
        context.caller.actor, params.key, str(params.ticket), params.priority
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.move", SUPERVISOR, MoveParams, TicketResult, TicketNotFound, NotWaiting)
async def move(context: Context, params: MoveParams) -> TicketResult:
    """Puts a waiting patient at a place in line."""
    outcome = await context.operations.move_ticket(
        context.caller.actor, params.key, str(params.ticket), params.position
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("queue.undo", STAFF, UndoParams, UndoResult, NotUndoable)
async def undo(context: Context, params: UndoParams) -> UndoResult:
    """Takes back the caller's last operation."""
    outcome = await context.operations.undo_operation(context.caller.actor, params.key, params.operation)
    context.notifications.notify_line_changed(outcome.events)
    restored = outcome.result.ticket
    return UndoResult(restored and with_wait(context, restored), outcome.result.revision)


@command("queue.validate_integrity", SUPERVISOR, ServiceParams, LineIntegrity, UnknownService, Unavailable)
async def validate_integrity(context: Context, params: ServiceParams) -> LineIntegrity:
    """What is wrong with a line's places; two empty lists: nothing."""
    return await context.operations.validate_queue_integrity(params.service)


async def _finish(
    context: Context, params: TicketParams, status: Literal["completed", "no_show"]
) -> TicketResult:
    outcome = await context.operations.finish_consultation(
        context.caller.actor, params.key, str(params.ticket), status
    )
    return answer(context, outcome, context.notifications.notify_consultation_ended)
