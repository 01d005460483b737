"""Converts the earlier version's database to InTurn's schema, in one transaction of the caller.

`database`   recognises the old tables, moves them to the schema `legacy` and reads them
`repairs`    decides the new values of every row and lists the repairs (pure)
`numbers`    assigns the ticket numbers (pure)
This module creates InTurn's schema, writes the rows, counts them and checks that every line is sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, text

from core.errors import SetupError
from core.texts import normal_form
from server.schema import revisions, soundness, tables
from server.schema.legacy import database as legacy_database
from server.schema.legacy.database import UNCHANGED
from server.schema.legacy.repairs import NewCounter, NewService, Plan, make_plan, shown

ACTOR = "upgrade"
SOUND = "Every line is sound."


def require_zone(connection: Connection, zone: str) -> None:
    """Raises SetupError if PostgreSQL does not know the time zone."""
    known = text("SELECT FROM pg_timezone_names WHERE name = :zone")
    if connection.execute(known, {"zone": zone}).first() is None:
        raise SetupError(f"There is no time zone {zone}. Write it like Europe/Berlin.")


def take_over(connection: Connection, zone: str) -> list[str]:
    """Moves the old tables, repairs and imports their rows. Returns the report: the same for the same database.

    Args:
        zone: IANA name of the zone whose local times the old tables hold; it becomes the site's.

    Raises SetupError if that is impossible or the result would not be sound; DBAPIError.
    """
    before, sums = list(_counts_before(connection)), legacy_database.checksums(connection)
    legacy_database.move(connection)
    revisions.apply_revisions(connection)
    connection.execute(text("UPDATE settings SET time_zone = :zone"), {"zone": zone})
    now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    old = legacy_database.read_tickets(connection, zone, now)
    plan = make_plan(legacy_database.read_services(connection), old, now)
    _write(connection, plan, {"time_zone": zone, "tickets": len(old), "repairs": len(plan.repairs)})
    if legacy_database.checksums(connection, "legacy.") != sums:
        raise SetupError(f"The old tables changed while they were read. {UNCHANGED}")
    _require_sound(connection, len(old))
    late = sum(ticket.created_at is not None and ticket.created_at > now for ticket in old)
    return [
        f"The old tables' times are taken as local times of {zone} (--time-zone).",
        *([f"{_tickets(late)} created in the future: is that the right time zone?"] if late else []),
        *before,
        *plan.repairs,
        *_counts_after(connection),
        SOUND,
    ]


def _write(connection: Connection, plan: Plan, details: dict[str, Any]) -> None:
    taken: set[str] = set()
    ids = {
        service.code: _insert_service(connection, place, service, _free_form(service.name, taken))
        for place, service in enumerate(plan.services)
    }
    seats: dict[str | None, int] = {
        counter.code: _insert_counter(connection, counter, ids) for counter in plan.counters
    }
    for service in plan.services:
        rows = [row | {"counter_id": seats.get(row.get("counter"))} for row in service.tickets]
        values = {"service": service.code, "actor": ACTOR, "rows": msgspec.json.encode(rows).decode()}
        connection.execute(text("SELECT import_tickets(:service, :actor, CAST(:rows AS jsonb))"), values)
    legacy_database.copy_names(connection)
    connection.execute(
        text("SELECT append_admin_event(:actor, 'legacy_imported', 'site', CAST(:details AS jsonb))"),
        {"actor": ACTOR, "details": msgspec.json.encode(details).decode()},
    )


def _free_form(name: str, taken: set[str]) -> str | None:
    """The normal form of a service's name; None for the second one with the same: old names may be twice."""
    form = normal_form(name)
    if form in taken:
        return None
    taken.add(form)
    return form


def _insert_service(connection: Connection, place: int, service: NewService, form: str | None) -> int:
    values = {
        "code": service.code,
        "name": service.name,
        "name_key": form,
        "prefix": service.prefix,
        "sort_order": place,
        "configured_pace_seconds": service.pace_seconds,
        "state": service.state,
    }
    made: int = connection.execute(
        insert(tables.services).values(**values).returning(tables.services.c.id)
    ).scalar_one()
    return made


def _insert_counter(connection: Connection, counter: NewCounter, services: dict[str, int]) -> int:
    statement = insert(tables.counters).values(
        code=counter.code, name=counter.name, name_key=normal_form(counter.name)
    )
    made: int = connection.execute(statement.returning(tables.counters.c.id)).scalar_one()
    values = {"counter_id": made, "service_id": services[counter.service], "place": 1}
    connection.execute(insert(tables.counter_services).values(**values))
    return made


def _require_sound(connection: Connection, tickets: int) -> None:
    """Runs the database's own checks, and the deferred constraints before the commit."""
    wrong = soundness.violations(connection)
    imported = connection.execute(text("SELECT count(*) FROM tickets")).scalar_one()
    if imported != tickets:
        wrong.append(f"{imported} of {_tickets(tickets)} were imported")
    if wrong:
        raise SetupError(f"The upgrade would leave something wrong: {'; '.join(wrong[:3])}. {UNCHANGED}")


def _counts_before(connection: Connection) -> Iterator[str]:
    rows = legacy_database.count_tickets(connection)
    for (service, name), counted in groupby(rows, key=lambda row: row[:2]):
        subject = "no service" if service is None else f"service {service} ({shown(name)})"
        yield f"before: {subject}: {_counted((shown(row[2], 'no status'), row[3]) for row in counted)}"
    yield f"before: {_tickets(sum(row[3] for row in rows))}"


def _counts_after(connection: Connection) -> Iterator[str]:
    query = text(
        "SELECT s.id, s.code, s.name, t.status, count(t.id) FROM services s LEFT JOIN tickets t ON t.service_id = s.id "
        "GROUP BY 1, 2, 3, 4 ORDER BY 1, 4"
    )
    rows = list(connection.execute(query))
    for (_, code, name), counted in groupby(rows, key=lambda row: row[:3]):
        yield f"after: {code} ({shown(name)}): {_counted((row[3], row[4]) for row in counted)}"
    yield f"after: {_tickets(sum(row[4] for row in rows))}"


def _counted(statuses: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{tickets} {status}" for status, tickets in statuses if tickets) or "no tickets"


def _tickets(number: int) -> str:
    return f"{number} ticket{'' if number == 1 else 's'}"
