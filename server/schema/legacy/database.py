"""The earlier version's database: recognised, moved to the schema `legacy` as it is, and read from there.

Names never leave the database: what is read here has none, `copy_names` takes them over in one statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection, DateTime, bindparam, text

from core.errors import SetupError

Kind: TypeAlias = Literal["empty", "ours", "legacy", "foreign"]

ISSUED_BY = "legacy:"
"""In front of a ticket's old id, in `tickets.issued_by`."""
PATIENCE = "10s"
"""How long others may go on using the old tables before they are said to be in use."""
UNCHANGED = "Nothing was changed."
_WHOLE = {"smallint", "integer", "bigint"}
_WORDS = {"text", "character varying"}
_MOMENT = {"timestamp without time zone"}
_SHAPE = {
    "services": {
        "id": _WHOLE,
        "name": _WORDS,
        "description": _WORDS,
        "is_active": {"boolean"},
        "avg_service_minutes": _WHOLE,
    },
    "tickets": {
        "id": _WHOLE,
        "service_id": _WHOLE,
        "ticket_number": _WORDS,
        "patient_name": _WORDS,
        "priority": _WORDS,
        "status": _WORDS,
        "position_in_queue": _WHOLE,
        "estimated_wait_time": _WHOLE,
        "created_at": _MOMENT,
        "called_at": _MOMENT,
        "completed_at": _MOMENT,
    },
}
"""The old tables; further columns don't matter."""
_TIMES = ("created_at", "called_at", "completed_at")


@dataclass(frozen=True)
class Found:
    """What a database holds. `foreign`: whose tables it has, empty unless it is another program's."""

    kind: Kind
    foreign: str = ""


@dataclass(frozen=True)
class OldService:
    """A row of the old `services`; `pace` in minutes."""

    id: int
    name: str | None
    is_active: bool | None
    pace: int | None


@dataclass(frozen=True)
class OldTicket:
    """A row of the old `tickets` without its name, times in UTC.

    Attributes:
        line: the service's id, None when there is no such service.
        created_at, called_at, completed_at: as they are, those outside of the calendar at its ends.
        joined_at: when the ticket was made: `created_at` if that can be, else the best that is known.
        day: its business day.
    """

    id: int
    service_id: int | None
    line: int | None
    number: str | None
    priority: str | None
    status: str | None
    position: int | None
    created_at: datetime | None
    called_at: datetime | None
    completed_at: datetime | None
    joined_at: datetime
    day: date


def recognise(connection: Connection) -> Found:
    """Whose database it is; told by the shape of the tables, not by their names alone."""
    tables = _columns(connection)
    if {"alembic_version", "queue_events", "settings"} <= tables.keys():
        return Found("ours")
    if tables.keys() >= _SHAPE.keys():
        fault = next(_faults(tables), None)
        return Found("foreign", fault) if fault else Found("legacy")
    others = sorted(tables.keys() - {"alembic_version"})
    return Found("foreign", f"it has the tables {', '.join(others[:5])}") if others else Found("empty")


def refuse_foreign(found: Found) -> None:
    """Raises SetupError for another program's database."""
    if found.kind == "foreign":
        raise SetupError(
            f"This database is another program's: {found.foreign}. InTurn needs one of its own. {UNCHANGED}"
        )


def _columns(connection: Connection) -> dict[str, dict[str, str]]:
    """Tables and views of the schema that InTurn uses, an extension's aside: name -> column -> type."""
    query = text("""
        SELECT c.relname, coalesce(jsonb_object_agg(
            a.attname, CASE c.relkind WHEN 'r' THEN format_type(a.atttypid, NULL) END
        ) FILTER (WHERE a.attname IS NOT NULL), '{}')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (
            SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        GROUP BY c.oid, c.relname""")
    return {row[0]: row[1] for row in connection.execute(query)}


def _faults(tables: dict[str, dict[str, str]]) -> Iterator[str]:
    for table, columns in _SHAPE.items():
        for column, types in columns.items():
            found = tables[table].get(column)
            if found is None:
                yield f"its table {table} has no column {column} as the earlier version's had"
            elif found not in types:
                yield f"its column {table}.{column} is of the type {found}"


def hold(connection: Connection) -> None:
    """Keeps everybody from writing to the old tables until the transaction ends; reading goes on.

    Raises SetupError for a database that can't be taken over, DBAPIError (55P03) when somebody does not let go.
    """
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise SetupError(f"This database's encoding is {encoding}; InTurn needs UTF8. {UNCHANGED}")
    # `row_security = off`: rows that a policy hides are an error and not simply missing.
    for setting in (
        f"lock_timeout = '{PATIENCE}'",
        "row_security = off",
        "TIME ZONE 'UTC'",
        "statement_timeout = 0",
    ):
        connection.execute(text(f"SET LOCAL {setting}"))
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(text("LOCK TABLE services, tickets IN SHARE MODE"))
    for table in _SHAPE:
        query = f"SELECT count(*) - count(DISTINCT id) FROM {table}"
        if twice := connection.execute(text(query)).scalar_one():
            raise SetupError(f"{twice} rows of the old {table} have no id of their own. {UNCHANGED}")


def move(connection: Connection) -> None:
    """Moves the old tables to the schema `legacy`, with their sequences, indexes and whatever refers to them.

    Raises SetupError where that schema is in use.
    """
    in_use = text("SELECT FROM pg_class WHERE relnamespace = to_regnamespace('legacy') LIMIT 1")
    if connection.execute(in_use).first() is not None:
        raise SetupError(
            f"The old tables go to the schema `legacy`, but there is one already. Rename it first. {UNCHANGED}"
        )
    home = connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS legacy"))
    if connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one() != home:
        raise SetupError(
            f"This database account would look into the schema `legacy` first: take another one. {UNCHANGED}"
        )
    for table in (*_SHAPE, "alembic_version"):
        connection.execute(text(f"ALTER TABLE IF EXISTS {home}.{table} SET SCHEMA legacy"))


def checksums(connection: Connection, schema: str = "") -> list[str]:
    """One for each old table, over all its rows."""
    row = "sha256(convert_to(t::text, 'UTF8'))"
    whole = f"encode(sha256(coalesce(string_agg({row}, ''::bytea ORDER BY id), '')), 'hex')"
    queries = (f"SELECT {whole} FROM {schema}{table} t" for table in _SHAPE)
    return [connection.execute(text(query)).scalar_one() for query in queries]


def read_services(connection: Connection) -> list[OldService]:
    """All of them, by id."""
    query = text("SELECT id, name, is_active, avg_service_minutes FROM legacy.services ORDER BY id")
    return [OldService(*row) for row in connection.execute(query)]


def read_tickets(connection: Connection, zone: str, now: datetime) -> list[OldTicket]:
    """All of them, in the order in which they wait; their times were local ones of `zone`."""
    # Times outside of the calendar (years, infinities) are taken for its ends, which are impossible as well.
    bounded = "CASE WHEN {0} IS NOT NULL THEN greatest(least({0}, '9999-12-30'), '0001-01-02') END"
    moments = ", ".join(f"{bounded.format(at)} AT TIME ZONE :zone AS {at}" for at in _TIMES)
    possible = ", ".join(
        f"CASE WHEN {at} BETWEEN '1970-01-01 00:00Z' AND :now THEN {at} END" for at in _TIMES
    )
    query = text(f"""
        WITH moments AS (SELECT id, {moments} FROM legacy.tickets),
        made AS (SELECT *, coalesce({possible}) AS joined_at FROM moments),
        known AS (SELECT coalesce(max(joined_at), :now) AS newest FROM made)
        SELECT t.id, t.service_id, s.id, t.ticket_number, t.priority, t.status, t.position_in_queue,
            m.created_at, m.called_at, m.completed_at,
            coalesce(m.joined_at, newest), business_day_at(coalesce(m.joined_at, newest))
        FROM known, legacy.tickets t JOIN made m USING (id) LEFT JOIN legacy.services s ON s.id = t.service_id
        ORDER BY coalesce(t.position_in_queue, 0) < 1,
            CASE WHEN t.position_in_queue > 0 THEN t.position_in_queue END, t.created_at, t.id
        """).bindparams(bindparam("now", type_=DateTime(timezone=True)))
    return [OldTicket(*row) for row in connection.execute(query, {"zone": zone, "now": now})]


def copy_names(connection: Connection) -> None:
    """Gives the imported tickets their patients' names, unread."""
    connection.execute(
        text(
            "UPDATE tickets t SET patient_name = old.patient_name FROM legacy.tickets old "
            "WHERE t.issued_by = :from || old.id AND old.patient_name IS NOT NULL"
        ),
        {"from": ISSUED_BY},
    )


def count_tickets(connection: Connection) -> list[tuple[int | None, str, str | None, int]]:
    """Service (by its old id, None: none given), its name, status as it is written, tickets."""
    query = text("""
        SELECT coalesce(s.id, t.service_id), CASE WHEN s.id IS NULL THEN 'missing' ELSE coalesce(s.name, 'no name') END,
            t.status, count(t.id)
        FROM services s FULL JOIN tickets t ON t.service_id = s.id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""")
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]
