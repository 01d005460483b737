"""`services.*`, `counters.*`, `site.*` and `closed_days.*` of administration: records, saved with the version read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from core.errors import (
    AlreadyTaken,
    CounterBusy,
    EditConflict,
    ServiceBusy,
    ServiceClosed,
    Unavailable,
    UnknownCounter,
    UnknownService,
)
from core.roles import ADMIN, SUPERVISOR
from core.wire.records import (
    ClosedDayList,
    CounterRecord,
    Retired,
    ServiceOrder,
    ServiceRecord,
    SiteRecord,
)
from server.administration.fields import COUNTER_FIELDS, SERVICE_FIELDS, SITE_FIELDS, checked, checked_code
from server.administration.opening_hours import hours_text
from server.routers.registry import Code, Context, Key, Params, command

Words = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[^\x00]*$")]
Texts = Annotated[dict[str, Words], msgspec.Meta(max_length=50)]
Version = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Minutes = Annotated[int, msgspec.Meta(ge=0, le=1440)]
SomeMinutes = Annotated[int, msgspec.Meta(ge=1, le=1440)]
Codes = Annotated[tuple[Code, ...], msgspec.Meta(max_length=200)]


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of a record that are to change; what is left out keeps its value."""

    def given(self) -> dict[str, Any]:
        """The fields that are there: name -> value."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not UNSET}


class ServiceChanges(Changes, frozen=True, kw_only=True):
    """Fields of `ServiceRecord`."""

    name: Words | UnsetType = UNSET
    names: Texts | UnsetType = UNSET
    alias: Words | UnsetType | None = UNSET
    icon: Words | UnsetType | None = UNSET
    prefix: Words | UnsetType = UNSET
    order: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | UnsetType = UNSET
    group: Words | UnsetType | None = UNSET
    where: Texts | UnsetType = UNSET
    wait_target: SomeMinutes | UnsetType | None = UNSET
    head_start: Minutes | UnsetType | None = UNSET
    pace: SomeMinutes | UnsetType = UNSET
    quota: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | UnsetType | None = UNSET
    no_shows: Annotated[int, msgspec.Meta(ge=1, le=1000)] | UnsetType = UNSET
    hours: Words | UnsetType = UNSET
    last_ticket: Annotated[int, msgspec.Meta(ge=0, le=1439)] | UnsetType = UNSET


class CounterChanges(Changes, frozen=True, kw_only=True):
    """Fields of `CounterRecord`."""

    name: Words | UnsetType = UNSET
    names: Texts | UnsetType = UNSET
    services: Codes | UnsetType = UNSET
    rule: Literal["best_rank", "in_order"] | UnsetType = UNSET
    sign: Words | UnsetType | None = UNSET
    words: Texts | UnsetType = UNSET
    place: Texts | UnsetType = UNSET
    short: Texts | UnsetType = UNSET


class SiteChanges(Changes, frozen=True, kw_only=True):
    """Fields of `SiteRecord`."""

    name: Words | UnsetType = UNSET
    time_zone: Words | UnsetType = UNSET
    languages: Annotated[tuple[Words, ...], msgspec.Meta(max_length=50)] | UnsetType = UNSET
    day_starts: Words | UnsetType = UNSET
    day_closes: Words | UnsetType | None = UNSET
    counter_free_after: SomeMinutes | UnsetType = UNSET


class ServiceCodeParams(Params, frozen=True, kw_only=True):
    """`service` is its code."""

    service: Code


class ServiceSaveParams(Params, frozen=True, kw_only=True):
    """`service` is its code, `version` the one read; 0 creates a service."""

    service: Code
    version: Version
    changes: ServiceChanges
    key: Key


class ServiceRetireParams(Params, frozen=True, kw_only=True):
    """`move_to` is the service in whose line those who wait or are parked go on."""

    service: Code
    version: Version
    key: Key
    move_to: Code | None = None


class ServiceOrderParams(Params, frozen=True, kw_only=True):
    """`services` are codes in their new order; services that are not named come after them."""

    services: Codes
    key: Key


class CounterCodeParams(Params, frozen=True, kw_only=True):
    """`counter` is its code."""

    counter: Code


class CounterSaveParams(Params, frozen=True, kw_only=True):
    """`counter` is its code, `version` the one read; 0 creates a counter."""

    counter: Code
    version: Version
    changes: CounterChanges
    key: Key


class CounterRetireParams(Params, frozen=True, kw_only=True):
    """`counter` is its code, `version` the one read."""

    counter: Code
    version: Version
    key: Key


class SiteSaveParams(Params, frozen=True, kw_only=True):
    """`version` is the one read."""

    version: Version
    changes: SiteChanges
    key: Key


class DayParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A day of the calendar, and the code of a service; null: every service."""

    day: date
    service: Code | None = None


Days = Annotated[tuple[DayParams, ...], msgspec.Meta(max_length=400)]


class ClosedDaysParams(Params, frozen=True, kw_only=True):
    """`close` are days from today on, `open` are closed days."""

    key: Key
    close: Days = ()
    open: Days = ()


@command("services.get", SUPERVISOR, ServiceCodeParams, ServiceRecord, UnknownService, Unavailable)
async def get_service(context: Context, params: ServiceCodeParams) -> ServiceRecord:
    """Returns a service's settings."""
    return _service(await context.administration.service_settings(params.service))


@command(
    "services.save",
    ADMIN,
    ServiceSaveParams,
    ServiceRecord,
    UnknownService,
    EditConflict,
    AlreadyTaken,
    ServiceBusy,
)
async def save_service(context: Context, params: ServiceSaveParams) -> ServiceRecord:
    """Creates or changes a service. Another prefix applies from the service's next business day on."""
    changes = checked(SERVICE_FIELDS, params.changes.given())
    code = checked_code(params.service)
    try:
        outcome = await context.administration.save_service(
            context.caller.actor, params.key, code, params.version, changes
        )
    except EditConflict as conflict:
        edited = conflict.data.get("changes", {})
        if "hours" in edited:
            edited["hours"] = [hours_text(record or ()) for record in edited["hours"]]
        raise
    context.notifications.notify_configuration_changed()
    return _service(outcome.result)


@command(
    "services.retire",
    ADMIN,
    ServiceRetireParams,
    Retired,
    UnknownService,
    EditConflict,
    ServiceBusy,
    ServiceClosed,
)
async def retire_service(context: Context, params: ServiceRetireParams) -> Retired:
    """Retires a service; its past stays. Its code and prefix are free from the next business day on."""
    outcome = await context.administration.retire_service(
        context.caller.actor, params.key, params.service, params.version, params.move_to
    )
    context.notifications.notify_line_changed(outcome.events)
    context.notifications.notify_configuration_changed()
    return msgspec.convert(outcome.result, Retired)


@command("services.order", ADMIN, ServiceOrderParams, ServiceOrder, UnknownService)
async def order_services(context: Context, params: ServiceOrderParams) -> ServiceOrder:
    """Puts services into an order."""
    outcome = await context.administration.order_services(context.caller.actor, params.key, params.services)
    context.notifications.notify_configuration_changed()
    return msgspec.convert(outcome.result, ServiceOrder)


@command("counters.get", SUPERVISOR, CounterCodeParams, CounterRecord, UnknownCounter, Unavailable)
async def get_counter(context: Context, params: CounterCodeParams) -> CounterRecord:
    """Returns a counter's settings."""
    return msgspec.convert(await context.administration.counter_settings(params.counter), CounterRecord)


@command(
    "counters.save",
    ADMIN,
    CounterSaveParams,
    CounterRecord,
    UnknownCounter,
    UnknownService,
    EditConflict,
    AlreadyTaken,
)
async def save_counter(context: Context, params: CounterSaveParams) -> CounterRecord:
    """Creates or changes a counter."""
    changes = checked(COUNTER_FIELDS, params.changes.given())
    code = checked_code(params.counter)
    outcome = await context.administration.save_counter(
        context.caller.actor, params.key, code, params.version, changes
    )
    context.notifications.notify_configuration_changed()
    return msgspec.convert(outcome.result, CounterRecord)


@command("counters.retire", ADMIN, CounterRetireParams, Retired, UnknownCounter, EditConflict, CounterBusy)
async def retire_counter(context: Context, params: CounterRetireParams) -> Retired:
    """Retires a counter at which no patient is; its past stays."""
    outcome = await context.administration.retire_counter(
        context.caller.actor, params.key, params.counter, params.version
    )
    context.notifications.notify_configuration_changed()
    return msgspec.convert(outcome.result, Retired)


@command("site.get", SUPERVISOR, Params, SiteRecord, Unavailable)
async def get_site(context: Context, params: Params) -> SiteRecord:
    """Returns the site's settings."""
    return msgspec.convert(await context.administration.site_record(), SiteRecord)


@command("site.save", ADMIN, SiteSaveParams, SiteRecord, EditConflict)
async def save_site(context: Context, params: SiteSaveParams) -> SiteRecord:
    """Changes the site. A time to close the day that has passed today counts from tomorrow on."""
    changes = checked(SITE_FIELDS, params.changes.given())
    outcome = await context.administration.save_site(
        context.caller.actor, params.key, params.version, changes
    )
    context.notifications.notify_configuration_changed()
    return msgspec.convert(outcome.result, SiteRecord)


@command("closed_days.list", SUPERVISOR, Params, ClosedDayList, Unavailable)
async def list_closed_days(context: Context, params: Params) -> ClosedDayList:
    """Lists the days from today on on which services issue no tickets."""
    return msgspec.convert(await context.administration.closed_days(), ClosedDayList)


@command("closed_days.save", ADMIN, ClosedDaysParams, ClosedDayList, UnknownService)
async def save_closed_days(context: Context, params: ClosedDaysParams) -> ClosedDayList:
    """Closes and opens days."""
    close, reopen = _days(params.close), _days(params.open)
    outcome = await context.administration.save_closed_days(context.caller.actor, params.key, close, reopen)
    context.notifications.notify_configuration_changed()
    return msgspec.convert(outcome.result, ClosedDayList)


def _service(record: dict[str, Any]) -> ServiceRecord:
    return msgspec.convert({**record, "hours": hours_text(record["hours"])}, ServiceRecord)


def _days(days: Iterable[DayParams]) -> list[dict[str, Any]]:
    return [{"day": str(day.day), "service": day.service} for day in days]
