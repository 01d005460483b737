"""Results of methods and parameters of pushes, beside the types of `core.line.tickets`.

The hub builds these values and clients decode them. A member of type `Ticket` is the ticket in the reader's view: for a
device the hub writes a `PublicTicket`. Every member is on the wire, unless it is `UNSET`. A default is the value that a
client assumes for a missing member.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from core.line.tickets import (
    CounterSummary,
    Moment,
    QueueEvent,
    ServiceSummary,
    Site,
    Snapshot,
    Ticket,
    WhyNext,
)


class Done(msgspec.Struct, frozen=True):
    """The request succeeded and has no result."""


class Pong(msgspec.Struct, frozen=True):
    """The hub's time."""

    time: Moment


class TicketResult(msgspec.Struct, frozen=True):
    """The ticket as it is now, and its line's revision; after a change, the revision that the change made."""

    ticket: Ticket
    revision: int | None = None


class UndoResult(msgspec.Struct, frozen=True):
    """The restored ticket, and the revision that restored it."""

    ticket: Ticket | None = None
    revision: int | None = None


class CallNextResult(msgspec.Struct, frozen=True):
    """The called ticket, and why it was next; both are null when a ticket was completed and no other waits."""

    ticket: Ticket | None = None
    revision: int | None = None
    why: WhyNext | None = None


class SnapshotResult(msgspec.Struct, frozen=True):
    """A line, or a part of it, at one revision."""

    snapshot: Snapshot


class LineAnswer(msgspec.Struct, frozen=True):
    """Start of the subscription to one service: a snapshot, or the events after the revision that the client holds."""

    snapshot: Snapshot | UnsetType = UNSET
    events: tuple[QueueEvent, ...] | UnsetType = UNSET


class SubscribeResult(msgspec.Struct, frozen=True):
    """Service code -> start of its subscription; `stale`: from memory, because the database is unreachable."""

    services: dict[str, LineAnswer]
    stale: bool = False


class ServiceList(msgspec.Struct, frozen=True):
    """All services in their order, and the site; `stale`: as last read, because the database is unreachable."""

    services: tuple[ServiceSummary, ...]
    stale: bool = False
    site: Site | None = None


class CounterList(msgspec.Struct, frozen=True):
    """All counters in their order; `stale`: as last read, because the database is unreachable."""

    counters: tuple[CounterSummary, ...]
    stale: bool = False


class ServiceResult(msgspec.Struct, frozen=True):
    """The service as it is now."""

    service: ServiceSummary


class CounterResult(msgspec.Struct, frozen=True):
    """The counter as it is now."""

    counter: CounterSummary


class DayClosed(msgspec.Struct, frozen=True):
    """Number of cancelled tickets, and the tickets whose consultation stays open."""

    cancelled: int
    consulting: tuple[Ticket, ...] = ()


class LineIntegrity(msgspec.Struct, frozen=True):
    """Missing and duplicate places (from 1) of a line; both lists are empty when the line is sound."""

    service: str
    missing_positions: tuple[int, ...]
    duplicate_positions: tuple[int, ...]
    max_position: int

    @property
    def sound(self) -> bool:
        """Whether every place is taken exactly once."""
        return not self.missing_positions and not self.duplicate_positions


class ConfigChanged(msgspec.Struct, frozen=True):
    """The new revision of the configuration."""

    revision: int


class RefusalData(msgspec.Struct, frozen=True):
    """The `data` of an error.

    Attributes:
        reason: word that programs rely on.
        path: of `invalid_params`: path of the wrong parameter; "$" is their root.
        retry_after: of `unavailable` and `rate_limited`: seconds to wait before a retry.
        field: of `already_taken`: the field whose value another record has.
        codes: of `ambiguous_device`: the codes of the devices with that name.
        version, by, at, changes: of `edit_conflict`: the version in force, who saved it and when, and what changed since
            the version read: {field: [before, now]}.
    """

    reason: str
    path: str | UnsetType = UNSET
    retry_after: float | UnsetType = UNSET
    field: str | UnsetType = UNSET
    codes: tuple[str, ...] | UnsetType = UNSET
    version: int | UnsetType = UNSET
    by: str | UnsetType | None = UNSET
    at: Moment | UnsetType | None = UNSET
    changes: dict[str, tuple[Any, Any]] | UnsetType = UNSET


class PushKind(msgspec.Struct, frozen=True):
    """A kind of notification from the hub: name, parameters, meaning; `kiosks`: whether kiosks get it."""

    method: str
    params: type[msgspec.Struct]
    description: str
    kiosks: bool = True


PUSHES = (
    PushKind("queue.event", QueueEvent, "One change of a line, after the revision that the client holds."),
    PushKind(
        "queue.snapshot", Snapshot, "A line, or a part of it, that replaces everything held for its service."
    ),
    PushKind("services.changed", ServiceList, "States and estimates of the services, at most once a second."),
    PushKind(
        "counters.changed",
        CounterList,
        "Counters, the person who holds each, and the ticket open there.",
        kiosks=False,
    ),
    PushKind("config.changed", ConfigChanged, "The configuration changed: list services and counters again."),
)
"""Notifications that the hub sends to a client once it has answered `queue.subscribe`."""
