"""Sets a clinic's services, counters, days and site from the command line. Each change is recorded in `admin_events`.

Values are text as typed. An invalid value raises SetupError with a sentence for the administrator, and nothing changes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, text, update

from core.errors import SetupError
from server.administration.fields import (
    COUNTER_FIELDS,
    SERVICE_FIELDS,
    SITE_FIELDS,
    column_values,
    whole_number,
)
from server.administration.opening_hours import Period, format_hours, parse_hours
from server.administration.people_and_devices import ACTOR, let_serve, log_act
from server.schema.engine import wake_hubs
from server.schema.tables import (
    closed_days,
    counter_services,
    counters,
    opening_hours,
    services,
    settings,
    users,
)

SCHEDULE = {"time_zone", "day_starts", "day_closes"}
"""Fields that decide when the day closes. A change closes no day: a time that has passed counts from the next day."""


def set_service(engine: Engine, code: str, typed: Mapping[str, str]) -> None:
    """Sets the given `SERVICE_FIELDS` of a service.

    Raises SetupError for an unknown service or an invalid value, DBAPIError for a new head start while patients wait.
    """
    values = column_values(SERVICE_FIELDS, typed)
    with engine.begin() as connection:
        changed = {**values, "version": services.c.version + 1}
        row = update(services).where(services.c.code == code).values(changed).returning(services.c.id)
        service = connection.execute(row).scalar_one_or_none()
        if service is None:
            raise SetupError(f"There is no service {code}.")
        if "hours" in typed or "last_ticket" in typed:
            _set_hours(connection, service, typed.get("hours"), typed.get("last_ticket"))
        log_act(connection, "service_set", code, **typed)


def list_services(engine: Engine) -> Iterable[str]:
    """Lines of text: code, name, state and hours of each service, then each future closed day."""
    query = text(
        "SELECT id, code, name, service_state(s, clock_timestamp()) AS state FROM services s ORDER BY id"
    )
    coming = text(
        "SELECT d.day, s.code FROM closed_days d LEFT JOIN services s ON s.id = d.service_id"
        " WHERE d.day >= business_day_now() ORDER BY d.day, s.id"
    )
    with engine.connect() as connection:
        for row in connection.execute(query).all():
            periods, last = _hours_of(connection, row.id)
            hours = format_hours(periods) + (f", last ticket {last} min before the end" if last else "")
            yield f"{row.code}\t{row.name}\t{row.state}\t{hours}"
        for day, code in connection.execute(coming):
            yield f"closed on {day}\t{code or 'every service'}"


def close_on(engine: Engine, day: str, code: str | None) -> None:
    """Issues no tickets on a calendar day, for one service or (None) for all. Raises SetupError."""
    with engine.begin() as connection:
        when, service = _day(day), _service_id(connection, code)
        if connection.execute(_closed_day(when, service)).first() is None:
            connection.execute(insert(closed_days).values(day=when, service_id=service))
            log_act(connection, "day_closed_ahead", day, service=code)


def open_on(engine: Engine, day: str, code: str | None) -> None:
    """Undoes `close_on`. Raises SetupError if the day is not closed for the same service, or for all."""
    with engine.begin() as connection:
        row = connection.execute(_closed_day(_day(day), _service_id(connection, code))).first()
        if row is None:
            named = "`service list` names the closed days."
            raise SetupError(f"{day} was not closed for {code or 'every service'}: {named}")
        connection.execute(delete(closed_days).where(closed_days.c.id == row.id))
        log_act(connection, "day_opened_again", day, service=code)


def set_counter(engine: Engine, code: str, typed: Mapping[str, str]) -> None:
    """Sets the given `COUNTER_FIELDS` of a counter. Raises SetupError."""
    values = {**column_values(COUNTER_FIELDS, typed), "version": counters.c.version + 1}
    with engine.begin() as connection:
        # Locks the counter's row first, as every call to the counter does: its services can't change during a call.
        row = update(counters).where(counters.c.code == code).values(values).returning(counters.c.id)
        counter = connection.execute(row).scalar_one_or_none()
        if counter is None:
            raise SetupError(f"There is no counter {code}.")
        if "services" in typed:
            let_serve(connection, counter, typed["services"].split(","))
        log_act(connection, "counter_set", code, **typed)


def list_counters(engine: Engine) -> Iterable[str]:
    """Lines of text: code, name, state, services in their order, rule and holder of each counter."""
    served = (
        select(counter_services.c.counter_id, services.c.code)
        .join(services, services.c.id == counter_services.c.service_id)
        .order_by(counter_services.c.place)
    )
    with engine.connect() as connection:
        pairs = connection.execute(served).all()
        held = select(counters, users.c.display_name).outerjoin(users, users.c.id == counters.c.held_by)
        for row in connection.execute(held.order_by(counters.c.id)):
            codes = ",".join(code for counter, code in pairs if counter == row.id)
            yield f"{row.code}\t{row.name}\t{row.state}\t{codes}\t{row.rule}\t{row.display_name or ''}"


def set_site(engine: Engine, typed: Mapping[str, str]) -> None:
    """Sets the given `SITE_FIELDS`. Raises SetupError."""
    values = {**column_values(SITE_FIELDS, typed), "config_revision": settings.c.config_revision + 1}
    with engine.begin() as connection:
        if "time_zone" in typed:
            _require_time_zone(connection, typed["time_zone"])
        connection.execute(update(settings).values(values))
        log_act(connection, "site_set", "site", **typed)


def show_site(engine: Engine) -> Iterable[str]:
    """One line of text: name, time zone and times of the business day."""
    with engine.connect() as connection:
        row = connection.execute(select(settings)).one()
    closes = (
        f"closes {row.day_closes:%H:%M}" if row.day_closes is not None else "is closed by an administrator"
    )
    free = f"a counter is free {row.counter_free_after // timedelta(minutes=1)} minutes after its holder left"
    yield f"{row.site_name}\t{row.time_zone}\tthe day starts {row.day_starts:%H:%M} and {closes}\t{free}"


def next_close(engine: Engine) -> str:
    """A sentence that says when the schedule closes the day next, and what it does then."""
    query = text(
        "SELECT to_char(next_close() AT TIME ZONE time_zone, 'YYYY-MM-DD at HH24:MI'), time_zone FROM settings"
    )
    with engine.connect() as connection:
        moment, zone = connection.execute(query).one()
    if moment is None:
        return "No schedule closes the day: waiting patients stay until `inturn-hub day close`."
    return (
        f"The day closes next on {moment} ({zone}). The tickets that wait or are parked then are cancelled."
    )


def close_day(engine: Engine, code: str | None) -> str:
    """Cancels waiting and parked tickets of one service or (None) of all. Returns the result as sentences.

    Raises DBAPIError.
    """
    statement = text("SELECT close_day(:actor, :key, '', :service)")
    with engine.begin() as connection:
        values = {"actor": ACTOR, "key": str(uuid.uuid4()), "service": code}
        result = connection.execute(statement, values).scalar_one()["result"]
        wake_hubs(connection)
    cancelled, consulting = result["cancelled"], result["consulting"]
    first = "1 ticket was cancelled." if cancelled == 1 else f"{cancelled} tickets were cancelled."
    still_open = ", ".join(f"{ticket['number']} at {ticket['counter']}" for ticket in consulting)
    return (
        f"{first} {f'Consultations left open: {still_open}.' if still_open else 'No consultation is open.'}"
    )


def _set_hours(connection: Connection, service: int, hours: str | None, last_ticket: str | None) -> None:
    former, last = _hours_of(connection, service)
    periods = former if hours is None else parse_hours(hours)
    if last_ticket is not None:
        last = whole_number(last_ticket, "minutes", 0, 1439)
        if last and not periods:
            raise SetupError("A service that is always open has no last ticket: give it --hours, too.")
    for period in periods:
        if last >= period.minutes:
            raise SetupError(
                f"No ticket could be issued: the last ticket is {last} minutes before the end of an opening"
                f" that lasts {period.minutes}."
            )
    connection.execute(delete(opening_hours).where(opening_hours.c.service_id == service))
    for period in periods:
        values = {"weekday": period.weekday, "opens": period.opens, "closes": period.closes}
        row = insert(opening_hours).values(service_id=service, last_ticket_minutes=last, **values)
        connection.execute(row)


def _hours_of(connection: Connection, service: int) -> tuple[tuple[Period, ...], int]:
    """A service's periods, and the minutes between its last ticket and their ends."""
    rows = connection.execute(select(opening_hours).where(opening_hours.c.service_id == service)).all()
    periods = tuple(sorted(Period(row.weekday, row.opens, row.closes) for row in rows))
    return periods, max((row.last_ticket_minutes for row in rows), default=0)


def _closed_day(day: date, service_id: int | None) -> Any:
    same = closed_days.c.service_id.is_not_distinct_from(service_id)
    return select(closed_days.c.id).where(closed_days.c.day == day, same)


def _service_id(connection: Connection, code: str | None) -> int | None:
    if code is None:
        return None
    service: int | None = connection.execute(
        select(services.c.id).where(services.c.code == code)
    ).scalar_one_or_none()
    if service is None:
        raise SetupError(f"There is no service {code}.")
    return service


def _require_time_zone(connection: Connection, typed: str) -> None:
    known = text("SELECT name FROM pg_timezone_names WHERE name = :name")
    if connection.execute(known, {"name": typed}).first() is None:
        raise SetupError(f"There is no time zone {typed}. Write it like Europe/Berlin.")


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise SetupError(f"“{typed}” is no day: write it like 2026-12-24.") from None
