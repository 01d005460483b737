"""Exceptions of InTurn, each with a sentence for a person; errors of the hub also have a reason for programs.

A class's docstring is its default message; `reason` is its word on the wire::

    InTurnError                      shown to a person as a sentence, never as a traceback
    ├── SetupError                   settings, files, directories: printed at start, exit code 1
    └── HubError                     an error reply of the hub (docs/clients.md, "Errors")
        ├── ParseError  InvalidRequest  UnknownMethod  InvalidParams  InternalError
        ├── Unauthenticated  Forbidden  RateLimited  Unavailable
        │       ├── PasswordExpired       of Unauthenticated
        │       └── UntrustedHub          of Unavailable; raised by a client only, never on the wire
        └── Refusal                  a rule of the line forbids the operation (code -32000)
            ├── QueueEmpty  CounterBusy  CounterClosed  CounterTaken
            ├── NotWaiting  NotConsulting  NotUndoable
            ├── TicketNotFound  UnknownService  UnknownCounter  UnknownUser  UnknownDevice
            ├── ServiceClosed  ServiceFull  ServiceBusy  KeyConflict  EditConflict
            └── AlreadyTaken  AmbiguousDevice  WrongRole  LastAdmin
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar


class InTurnError(Exception):
    """Something went wrong. Please try again, or ask the person who looks after this computer."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or type(self).__doc__ or ""
        super().__init__(self.message)


class SetupError(InTurnError):
    """InTurn can't start with these settings."""


class HubError(InTurnError):
    """The hub could not do that."""

    code: ClassVar[int] = -32000
    """JSON-RPC error code."""
    reason: str = "refused"
    """Word that programs rely on, e.g. `queue_empty`."""
    data_example: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Example of `data`, for docs/openrpc.json."""

    def __init__(self, message: str | None = None, **data: Any) -> None:
        """`data`: members of the error's `data` object beside `reason`, e.g. `retry_after` in seconds."""
        super().__init__(message)
        self.data = data


class ParseError(HubError):
    """That was not a JSON text."""

    code = -32700
    reason = "parse_error"


class InvalidRequest(HubError):
    """That was not a JSON-RPC 2.0 request."""

    code = -32600
    reason = "invalid_request"


class UnknownMethod(HubError):
    """The hub does not know that method."""

    code = -32601
    reason = "unknown_method"


class InvalidParams(HubError):
    """The request's parameters don't fit the method."""

    code = -32602
    reason = "invalid_params"
    data_example = MappingProxyType({"path": "$.service"})


class InternalError(HubError):
    """The hub had a fault of its own. It is in the hub's log; please try again."""

    code = -32603
    reason = "internal_error"


class Unauthenticated(HubError):
    """Please sign in first."""

    code = -32001
    reason = "unauthenticated"


class PasswordExpired(Unauthenticated):
    """Another person knows this password. Please choose a new one."""

    reason = "password_expired"


class Forbidden(HubError):
    """You may not do that. Ask a supervisor or an administrator."""

    code = -32003
    reason = "forbidden"


class RateLimited(HubError):
    """Too many tries. Please wait a moment."""

    code = -32029
    reason = "rate_limited"
    data_example = MappingProxyType({"retry_after": 1})


class Unavailable(HubError):
    """The hub can't reach its database. It keeps trying; please try again in a moment."""

    code = -32053
    reason = "unavailable"
    data_example = MappingProxyType({"retry_after": 1})


class UntrustedHub(Unavailable):
    """The hub's certificate can't be trusted."""

    reason = "untrusted_hub"


class Refusal(HubError):
    """That is not possible now."""


class QueueEmpty(Refusal):
    """Nobody is waiting."""

    reason = "queue_empty"


class CounterBusy(Refusal):
    """There is still a patient at this counter. Complete, park or transfer them first."""

    reason = "counter_busy"


class CounterClosed(Refusal):
    """This counter is paused or closed. Open it first."""

    reason = "counter_closed"


class CounterTaken(Refusal):
    """Another person is working at this counter."""

    reason = "counter_taken"


class NotWaiting(Refusal):
    """This patient is not waiting any more."""

    reason = "not_waiting"


class NotConsulting(Refusal):
    """This patient is not at a counter any more."""

    reason = "not_consulting"


class NotUndoable(Refusal):
    """That can't be taken back any more."""

    reason = "not_undoable"


class TicketNotFound(Refusal):
    """There is no such ticket."""

    reason = "ticket_not_found"


class UnknownService(Refusal):
    """There is no such service."""

    reason = "unknown_service"


class UnknownCounter(Refusal):
    """There is no such counter."""

    reason = "unknown_counter"


class UnknownUser(Refusal):
    """There is no such account."""

    reason = "unknown_user"


class UnknownDevice(Refusal):
    """There is no such device."""

    reason = "unknown_device"


class ServiceClosed(Refusal):
    """This service is closed."""

    reason = "service_closed"


class ServiceFull(Refusal):
    """This service takes no more patients today."""

    reason = "service_full"


class ServiceBusy(Refusal):
    """Patients still wait or are seen there."""

    reason = "service_busy"


class KeyConflict(Refusal):
    """This request was already made with other parameters."""

    reason = "key_conflict"


class EditConflict(Refusal):
    """Another person changed this meanwhile. Look at it again, then save."""

    reason = "edit_conflict"
    data_example = MappingProxyType(
        {
            "version": 8,
            "by": "Anna Berg",
            "at": "2026-11-28T09:30:00.000000Z",
            "changes": {"name": ["See a doctor", "See a nurse"]},
        }
    )


class AlreadyTaken(Refusal):
    """Another record has that code, name or prefix."""

    reason = "already_taken"
    data_example = MappingProxyType({"field": "code"})


class AmbiguousDevice(Refusal):
    """Several devices have that name."""

    reason = "ambiguous_device"
    data_example = MappingProxyType({"codes": ["hall", "hall-2"]})


class WrongRole(Refusal):
    """This code is for another kind of device."""

    reason = "wrong_role"


class LastAdmin(Refusal):
    """The clinic would have no administrator any more. Make another person an administrator first."""

    reason = "last_admin"


def _families(base: type[HubError]) -> dict[str, type[HubError]]:
    found = {base.reason: base}
    for child in base.__subclasses__():
        found |= _families(child)
    return found


BY_REASON: dict[str, type[HubError]] = _families(HubError)
"""Wire reason -> class."""


def hub_error(reason: str, message: str | None = None, **data: Any) -> HubError:
    """Returns the error that `reason` names; an unknown reason, of a newer hub, gives a `HubError` that keeps it."""
    error = BY_REASON.get(reason, HubError)(message, **data)
    error.reason = reason
    return error
