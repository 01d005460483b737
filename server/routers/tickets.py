"""`tickets.*`: a patient's ticket, from joining to cancelling."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from core.errors import (
    Forbidden,
    InvalidParams,
    NotWaiting,
    ServiceClosed,
    ServiceFull,
    TicketNotFound,
    Unavailable,
    UnknownService,
)
from core.line.tickets import Priority, QueueEvent, Ticket
from core.roles import KIOSK, STAFF
from core.texts import NAME_LENGTH, NOTE_LENGTH
from core.wire.results import TicketResult
from server.door.visibility import ticket_view
from server.operations.queue_operations import Outcome
from server.routers.registry import (
    Code,
    Context,
    Key,
    Language,
    Name,
    Need,
    Note,
    Params,
    clean_param,
    command,
)

Notify: TypeAlias = Callable[[Collection[QueueEvent]], None]
"""The method of the notification service that pushes the events of an operation."""


class JoinParams(Params, frozen=True, kw_only=True):
    """`service` is the line to join. A kiosk may send no other `priority` than medium."""

    service: Code
    key: Key
    priority: Priority = "medium"
    patient_name: Name | None = None
    language: Language | None = None


class GetParams(Params, frozen=True, kw_only=True):
    """`ticket` is its id."""

    ticket: UUID


class TicketParams(Params, frozen=True, kw_only=True):
    """`ticket` is its id, `key` the request's key."""

    ticket: UUID
    key: Key


class UpdateParams(Params, frozen=True, kw_only=True):
    """A member that is left out keeps its value; null clears it."""

    ticket: UUID
    key: Key
    patient_name: Name | UnsetType | None = UNSET
    note: Note | UnsetType | None = UNSET
    needs: Annotated[tuple[Need, ...], msgspec.Meta(max_length=20)] | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET


def with_wait(context: Context, ticket: Ticket) -> Any:
    """The ticket in the caller's view, with its estimated wait and the number of patients ahead."""
    notifications = context.notifications
    estimated = msgspec.structs.replace(
        ticket,
        estimated_wait=notifications.clinic_lists.wait_of(ticket),
        ahead=notifications.ahead_of(ticket),
    )
    return ticket_view(estimated, context.caller.view)


def answer(context: Context, outcome: Outcome, notify: Notify) -> TicketResult:
    """Pushes the events with `notify` and returns the ticket and the revision that the operation made."""
    notify(outcome.events)
    ticket = outcome.result.ticket
    assert ticket is not None
    return TicketResult(with_wait(context, ticket), outcome.result.revision)


@command(
    "tickets.join",
    KIOSK | STAFF,
    JoinParams,
    TicketResult,
    UnknownService,
    ServiceClosed,
    ServiceFull,
    Forbidden,
)
async def join(context: Context, params: JoinParams) -> TicketResult:
    """Issues a ticket: a patient joins a line."""
    if context.caller.role == "kiosk" and params.priority != "medium":
        raise Forbidden("This kiosk may not give a priority. Please ask at reception.")
    outcome = await context.operations.join_queue(
        context.caller.actor,
        params.key,
        params.service,
        params.priority,
        clean_param(params.patient_name, "patient_name"),
        params.language,
    )
    return answer(context, outcome, context.notifications.notify_patient_joined)


@command("tickets.get", KIOSK | STAFF, GetParams, TicketResult, TicketNotFound, Unavailable)
async def get(context: Context, params: GetParams) -> TicketResult:
    """Returns a ticket as it is now."""
    found = await context.operations.find_ticket(str(params.ticket))
    return TicketResult(with_wait(context, found.ticket), found.revision)


@command("tickets.cancel", KIOSK | STAFF, TicketParams, TicketResult, TicketNotFound, NotWaiting)
async def cancel(context: Context, params: TicketParams) -> TicketResult:
    """Cancels a waiting ticket; a kiosk may cancel only tickets that it issued."""
    own_only = context.caller.role == "kiosk"
    outcome = await context.operations.cancel_ticket(
        context.caller.actor, params.key, str(params.ticket), own_only
    )
    return answer(context, outcome, context.notifications.notify_line_changed)


@command("tickets.update", STAFF, UpdateParams, TicketResult, TicketNotFound)
async def update(context: Context, params: UpdateParams) -> TicketResult:
    """Sets the name, note, needs or language of a ticket."""
    wanted = {name: getattr(params, name) for name in ("patient_name", "note", "needs", "language")}
    changes = {name: value for name, value in wanted.items() if value is not UNSET}
    if not changes:
        raise InvalidParams("Say what to change: patient_name, note, needs or language.", path="$")
    for name, most, lines in (("patient_name", NAME_LENGTH, False), ("note", NOTE_LENGTH, True)):
        if name in changes:
            changes[name] = clean_param(changes[name], name, most=most, lines=lines)
    outcome = await context.operations.update_ticket(
        context.caller.actor, params.key, str(params.ticket), changes
    )
    return answer(context, outcome, context.notifications.notify_line_changed)
