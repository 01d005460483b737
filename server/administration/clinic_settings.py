"""Sets and lists a clinic's services, counters, days and site for the command line.

Values are text as typed. An invalid value raises InTurnError with a sentence for the administrator, a refusal of the
database DBAPIError; nothing changes then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine, select, text

from core.errors import SetupError
from core.texts import quoted
from server.administration.command_acts import act
from server.administration.fields import (
    COUNTER_FIELDS,
    SERVICE_FIELDS,
    SITE_FIELDS,
    checked,
    checked_code,
    read_typed,
)
from server.administration.opening_hours import hours_text
from server.schema.tables import counter_services, counters, services, settings, users

SCHEDULE = {"time_zone", "day_starts", "day_closes"}
"""Fields that decide when the day closes. A change closes no day: a time that has passed counts from the next day."""


def add_service(engine: Engine, code: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """Creates a service; the prefix of its numbers is the code's first letter by default. Returns its record."""
    changes = read_typed(SERVICE_FIELDS, {"prefix": checked_code(code)[:1], **typed})
    return act(engine, "save_service", code, 0, checked(SERVICE_FIELDS, changes))


def set_service(engine: Engine, code: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """Sets the given `SERVICE_FIELDS` of a service; returns its record."""
    changes = checked(SERVICE_FIELDS, read_typed(SERVICE_FIELDS, typed))
    return act(engine, "save_service", checked_code(code), None, changes)


def retire_service(engine: Engine, code: str, move_to: str | None) -> dict[str, Any]:
    """Retires a service; `move_to`: the service whose line its patients go on in. Returns code and number of them."""
    return act(engine, "retire_service", checked_code(code), None, move_to)


def list_services(engine: Engine) -> Iterable[str]:
    """Lines of text: code, name, state, hours, prefix and the other settings of each service, then future closed days."""
    query = text(
        "SELECT service_record(s) AS record, service_state(s, clock_timestamp()) AS state FROM services s "
        "WHERE retired_on IS NULL ORDER BY sort_order, id"
    )
    with engine.connect() as connection:
        for row in connection.execute(query).all():
            yield _service_line(row.record, row.state)
        coming = connection.execute(text("SELECT closed_days_overview()")).scalar_one()["closed_days"]
    for closed in coming:
        yield f"closed on {closed['day']}\t{closed['service'] or 'every service'}"


def _service_line(record: Mapping[str, Any], state: str) -> str:
    last = record["last_ticket"]
    hours = hours_text(record["hours"]) + (f", last ticket {last} min before the end" if last else "")
    shown = {"hours", "last_ticket", "name", "code", "version"}
    rest = [f"{name}={_shown(value)}" for name, value in sorted(record.items()) if name not in shown]
    return "\t".join([record["code"], record["name"], state, hours, *rest])


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{language}={words}" for language, words in value.items()) or "off"
    return "off" if value is None else str(value)


def close_on(engine: Engine, day: str, code: str | None) -> None:
    """Issues no tickets on a calendar day from today on, for one service or (None) for all."""
    act(engine, "save_closed_days", [{"day": _day(day), "service": code}], [])


def open_on(engine: Engine, day: str, code: str | None) -> None:
    """Undoes `close_on`; refused if the day is not closed for the same service, or for all."""
    act(engine, "save_closed_days", [], [{"day": _day(day), "service": code}])


def add_counter(engine: Engine, code: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """Creates a counter; returns its record."""
    changes = checked(COUNTER_FIELDS, read_typed(COUNTER_FIELDS, typed))
    return act(engine, "save_counter", checked_code(code), 0, changes)


def set_counter(engine: Engine, code: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """Sets the given `COUNTER_FIELDS` of a counter; returns its record."""
    changes = checked(COUNTER_FIELDS, read_typed(COUNTER_FIELDS, typed))
    return act(engine, "save_counter", checked_code(code), None, changes)


def retire_counter(engine: Engine, code: str) -> dict[str, Any]:
    """Retires a counter at which no patient is."""
    return act(engine, "retire_counter", checked_code(code), None)


def list_counters(engine: Engine) -> Iterable[str]:
    """Lines of text: code, name, state, services in their order, rule and holder of each counter."""
    served = (
        select(counter_services.c.counter_id, services.c.code)
        .join(services, services.c.id == counter_services.c.service_id)
        .order_by(counter_services.c.place)
    )
    in_use = select(counters).where(counters.c.retired_on.is_(None)).order_by(counters.c.id)
    with engine.connect() as connection:
        pairs = connection.execute(served).all()
        held = in_use.add_columns(users.c.display_name).outerjoin(users, users.c.id == counters.c.held_by)
        for row in connection.execute(held):
            codes = ",".join(code for counter, code in pairs if counter == row.id)
            yield f"{row.code}\t{row.name}\t{row.state}\t{codes}\t{row.rule}\t{row.display_name or ''}"


def set_site(engine: Engine, typed: Mapping[str, str]) -> dict[str, Any]:
    """Sets the given `SITE_FIELDS`; returns the site's record."""
    return act(engine, "save_site", "site", None, checked(SITE_FIELDS, read_typed(SITE_FIELDS, typed)))


def show_site(engine: Engine) -> Iterable[str]:
    """One line of text: name, time zone, times of the business day and languages."""
    with engine.connect() as connection:
        row = connection.execute(select(settings)).one()
    closes = (
        f"closes {row.day_closes:%H:%M}" if row.day_closes is not None else "is closed by an administrator"
    )
    day = f"the day starts {row.day_starts:%H:%M} and {closes}"
    free = f"a counter is free {row.counter_free_after // timedelta(minutes=1)} minutes after its holder left"
    yield f"{row.site_name}\t{row.time_zone}\t{day}\t{free}\t{','.join(row.languages)}"


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
    """Cancels waiting and parked tickets of one service or (None) of all. Returns the result as sentences."""
    result = act(engine, "close_day", code)
    cancelled, consulting = result["cancelled"], result["consulting"]
    first = "1 ticket was cancelled." if cancelled == 1 else f"{cancelled} tickets were cancelled."
    still_open = ", ".join(f"{ticket['number']} at {ticket['counter']}" for ticket in consulting)
    return (
        f"{first} {f'Consultations left open: {still_open}.' if still_open else 'No consultation is open.'}"
    )


def _day(typed: str) -> str:
    try:
        return str(date.fromisoformat(typed))
    except ValueError:
        raise SetupError(f"{quoted(typed)} is no day: write it like 2026-12-24.") from None
