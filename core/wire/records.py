"""Records of administration as supervisors and administrators read them: results of `….get`, `….list` and `….save`.

`version` counts a record's changes: a save names the version that it read. Times are in minutes.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from core.line.tickets import Moment

Texts = dict[str, str]
"""Language -> text."""


class ServiceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a service.

    Attributes:
        prefix: letters of its numbers, of its next business day if they were changed.
        where: where its patients wait. wait_target: minutes that a patient should wait at most.
        head_start: minutes that medium priority is ahead of low; None: medium goes first.
        pace: minutes a patient. quota: tickets a business day; None: any number.
        hours: as the command line writes them: "mon-fri 08:00-12:00", or "always".
        last_ticket: minutes before the end of each opening.
    """

    code: str
    version: int
    name: str
    names: Texts
    alias: str | None
    icon: str | None
    prefix: str
    order: int
    group: str | None
    where: Texts
    wait_target: int | None
    head_start: int | None
    pace: int
    quota: int | None
    no_shows: int
    hours: str
    last_ticket: int


class CounterRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a counter.

    Attributes:
        services: codes in the order of serving.
        sign: what the wall shows large. words, place, short: that in words, where it is, and words for a narrow wall.
    """

    code: str
    version: int
    name: str
    names: Texts
    services: tuple[str, ...]
    rule: Literal["best_rank", "in_order"]
    sign: str | None
    words: Texts
    place: Texts
    short: Texts


class SiteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The site's settings; `day_closes` None: only an administrator closes the day.

    `counter_free_after`: minutes without its holder after which a counter without a patient is free.
    """

    version: int
    name: str
    time_zone: str
    languages: tuple[str, ...]
    day_starts: str
    day_closes: str | None
    counter_free_after: int


class UserRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An account: `user` is its actor, `name` the one to sign in with, `display_name` the one that colleagues read."""

    user: str
    version: int
    name: str
    display_name: str
    role: Literal["staff", "supervisor", "admin"]
    disabled: bool
    must_change_password: bool


class UserList(msgspec.Struct, frozen=True):
    """All accounts, in the order of their creation."""

    users: tuple[UserRecord, ...]


class DeviceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A device; `device` is its actor."""

    code: str
    version: int
    name: str
    role: Literal["kiosk", "monitor"]
    device: str
    state: Literal["active", "unpaired", "revoked"]


class DeviceList(msgspec.Struct, frozen=True):
    """All devices, also the revoked ones, in the order of their creation."""

    devices: tuple[DeviceRecord, ...]


class PairingCode(msgspec.Struct, frozen=True):
    """A new device, and the code that it exchanges for its token once within `seconds` (`session.pair`)."""

    code: str
    seconds: int
    device: DeviceRecord


class ClosedDay(msgspec.Struct, frozen=True):
    """A day of the calendar on which a service, or every one, issues no tickets."""

    day: str
    service: str | None = None


class ClosedDayList(msgspec.Struct, frozen=True):
    """The closed days from today on."""

    closed_days: tuple[ClosedDay, ...]


class ServiceOrder(msgspec.Struct, frozen=True):
    """The codes of all services in their order."""

    services: tuple[str, ...]


class Retired(msgspec.Struct, frozen=True):
    """The code of what was retired, and the number of patients who go on in another line."""

    code: str
    moved: int = 0


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One administrative event; `by` is the actor's name. A save's `details` have `changes`: {field: [before, now]}."""

    id: int
    at: Moment
    actor: str
    by: str
    kind: str
    subject: str
    details: dict[str, Any]


class AuditPage(msgspec.Struct, frozen=True):
    """Administrative events, newest first."""

    events: tuple[AuditEvent, ...]
