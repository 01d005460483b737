"""What every method answers and every push carries, beside the types of `core.line.tickets`.

A member of type `PublicTicket` is the ticket in the caller's view: for people a `Ticket`. The wire shows every member,
but for those that may be `UNSET`.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from core.line.tickets import (
    CounterSummary,
    Moment,
    PublicTicket,
    QueueEvent,
    ServiceSummary,
    Snapshot,
    WhyNext,
)


class Done(msgspec.Struct, frozen=True):
    """Done; there is nothing to tell."""


class Pong(msgspec.Struct, frozen=True):
    """The hub's time."""

    time: Moment


class TicketResult(msgspec.Struct, frozen=True):
    """The ticket as it is now, and its line's revision: of a change, the one that it made."""

    ticket: PublicTicket
    revision: int | None


class UndoResult(msgspec.Struct, frozen=True):
    """The ticket as it is again, and the revision that made it so."""

    ticket: PublicTicket | None
    revision: int | None


class CallNextResult(msgspec.Struct, frozen=True):
    """Who is called and why; `ticket` and `why` are null when, after completing one, nobody waits."""

    ticket: PublicTicket | None
    revision: int | None
    why: WhyNext | None


class SnapshotResult(msgspec.Struct, frozen=True):
    """A part of a line."""

    snapshot: Snapshot


class LineAnswer(msgspec.Struct, frozen=True):
    """How a subscription to one service begins: with a snapshot, or with the events behind the revision held."""

    snapshot: Snapshot | UnsetType = UNSET
    events: tuple[QueueEvent, ...] | UnsetType = UNSET


class SubscribeResult(msgspec.Struct, frozen=True):
    """Service code -> how its subscription begins; `stale`: from memory, while the database is away."""

    services: dict[str, LineAnswer]
    stale: bool


class ServiceList(msgspec.Struct, frozen=True):
    """Every service in its order; `stale`: as last read, while the database is away."""

    services: tuple[ServiceSummary, ...]
    stale: bool


class CounterList(msgspec.Struct, frozen=True):
    """Every counter in its order; `stale`: as last read, while the database is away."""

    counters: tuple[CounterSummary, ...]
    stale: bool


class ServiceResult(msgspec.Struct, frozen=True):
    """The service as it is now."""

    service: ServiceSummary


class CounterResult(msgspec.Struct, frozen=True):
    """The counter as it is now."""

    counter: CounterSummary


class DayClosed(msgspec.Struct, frozen=True):
    """How many left the line, and the consultations that stay open."""

    cancelled: int
    consulting: tuple[PublicTicket, ...]


class ConfigChanged(msgspec.Struct, frozen=True):
    """The configuration's revision."""

    revision: int


class RefusalData(msgspec.Struct, frozen=True):
    """The `data` of an error.

    Attributes:
        reason: the word that programs rely on.
        path: of `invalid_params`: where in the parameters, "$" is their root.
        retry_after: of `unavailable` and `rate_limited`: seconds after which it may be tried again.
    """

    reason: str
    path: str | UnsetType = UNSET
    retry_after: float | UnsetType = UNSET


class Push(msgspec.Struct, frozen=True):
    """A notification from the hub: its name, what it carries, what it means; `kiosks`: whether they get it."""

    method: str
    params: type[msgspec.Struct]
    description: str
    kiosks: bool = True


PUSHES = (
    Push("queue.event", QueueEvent, "One change of a line, behind the revision that the client holds."),
    Push(
        "queue.snapshot", Snapshot, "A line, or a part of it, that replaces everything held for its service."
    ),
    Push("services.changed", ServiceList, "States and estimates of the services, at most once a second."),
    Push(
        "counters.changed",
        CounterList,
        "Counters, who holds them, and the ticket open at each.",
        kiosks=False,
    ),
    Push("config.changed", ConfigChanged, "The configuration changed: list services and counters again."),
)
"""What comes without being asked for, once `queue.subscribe` is answered."""
