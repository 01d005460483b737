"""What every method answers and every push carries, beside the types of `core.line.tickets`.

A member of type `Ticket` is the ticket in the reader's view: the hub writes a `PublicTicket` for a device. The hub builds
these results and the clients decode them. The wire shows every member, but for those that may be `UNSET`; a default is
what a client takes for a member that is missing.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from core.line.tickets import (
    CounterSummary,
    Moment,
    QueueEvent,
    ServiceSummary,
    Snapshot,
    Ticket,
    WhyNext,
)


class Done(msgspec.Struct, frozen=True):
    """Done; there is nothing to tell."""


class Pong(msgspec.Struct, frozen=True):
    """The hub's time."""

    time: Moment


class TicketResult(msgspec.Struct, frozen=True):
    """The ticket as it is now, and its line's revision: of a change, the one that it made."""

    ticket: Ticket
    revision: int | None = None


class UndoResult(msgspec.Struct, frozen=True):
    """The ticket as it is again, and the revision that made it so."""

    ticket: Ticket | None = None
    revision: int | None = None


class CallNextResult(msgspec.Struct, frozen=True):
    """Who is called and why; `ticket` and `why` are null when, after completing one, nobody waits."""

    ticket: Ticket | None = None
    revision: int | None = None
    why: WhyNext | None = None


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
    stale: bool = False


class ServiceList(msgspec.Struct, frozen=True):
    """Every service in its order; `stale`: as last read, while the database is away."""

    services: tuple[ServiceSummary, ...]
    stale: bool = False


class CounterList(msgspec.Struct, frozen=True):
    """Every counter in its order; `stale`: as last read, while the database is away."""

    counters: tuple[CounterSummary, ...]
    stale: bool = False


class ServiceResult(msgspec.Struct, frozen=True):
    """The service as it is now."""

    service: ServiceSummary


class CounterResult(msgspec.Struct, frozen=True):
    """The counter as it is now."""

    counter: CounterSummary


class DayClosed(msgspec.Struct, frozen=True):
    """How many left the line, and the consultations that stay open."""

    cancelled: int
    consulting: tuple[Ticket, ...] = ()


class LineIntegrity(msgspec.Struct, frozen=True):
    """What is wrong with the places (from 1) of a line: both lists are empty when nothing is."""

    service: str
    missing_positions: tuple[int, ...]
    duplicate_positions: tuple[int, ...]
    max_position: int

    @property
    def sound(self) -> bool:
        """Whether every place is taken exactly once."""
        return not self.missing_positions and not self.duplicate_positions


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


class PushKind(msgspec.Struct, frozen=True):
    """A notification from the hub: its name, what it carries, what it means; `kiosks`: whether they get it."""

    method: str
    params: type[msgspec.Struct]
    description: str
    kiosks: bool = True


PUSHES = (
    PushKind("queue.event", QueueEvent, "One change of a line, behind the revision that the client holds."),
    PushKind(
        "queue.snapshot", Snapshot, "A line, or a part of it, that replaces everything held for its service."
    ),
    PushKind("services.changed", ServiceList, "States and estimates of the services, at most once a second."),
    PushKind(
        "counters.changed",
        CounterList,
        "Counters, who holds them, and the ticket open at each.",
        kiosks=False,
    ),
    PushKind("config.changed", ConfigChanged, "The configuration changed: list services and counters again."),
)
"""What comes without being asked for, once `queue.subscribe` is answered."""
