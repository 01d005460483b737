"""The earlier version's tables: recognises them, moves them unchanged to the schema `legacy`, reads them there.

Names never leave the database: no function here reads them, and `copy_names` copies them in one statement.
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
"""Prefix of a ticket's old id in `tickets.issued_by`."""
LOCK_TIMEOUT = "10s"
"""Wait for transactions that use the old tables; then the upgrade fails because they are in use."""
UNCHANGED = "Nothing was changed."
_WHOLE = {"smallint", "integer", "bigint"}
_WORDS = {"text", "character varying"}
_MOMENT = {"timestamp without time zone"}
OLD_TABLES = {
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
"""Table -> column -> possible types of the old tables; they may have further columns."""
_TIMES = ("created_at", "called_at", "completed_at")


@dataclass(frozen=True)
class Found:
    """Whose tables a database holds. `foreign`: how they differ from the old ones; empty unless they are foreign."""

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
        line: the service's id; None if that service does not exist.
        created_at, called_at, completed_at: unchanged; times outside of the calendar are moved to its ends.
        joined_at: when the ticket was issued: the first possible time among these three, else the newest ticket's.
        day: the ticket's business day.
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
    """Recognises whose database it is by the names, columns and types of its tables."""
    tables = _columns(connection)
    if {"alembic_version", "queue_events", "settings"} <= tables.keys():
        return Found("ours")
    if tables.keys() >= OLD_TABLES.keys():
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
    """Tables and views of the current schema, without those of extensions: name -> column -> type."""
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
    for table, columns in OLD_TABLES.items():
        for column, types in columns.items():
            found = tables[table].get(column)
            if found is None:
                yield f"its table {table} has no column {column} as the earlier version's had"
            elif found not in types:
                yield f"its column {table}.{column} is of the type {found}"


def lock_old_tables(connection: Connection) -> None:
    """Locks the old tables against writes, not against reads, until the transaction ends.

    Raises SetupError for a database that can't be taken over, DBAPIError (55P03) after LOCK_TIMEOUT.
    """
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise SetupError(f"This database's encoding is {encoding}; InTurn needs UTF8. {UNCHANGED}")
    # With `row_security = off` PostgreSQL raises an error where a policy would hide rows.
    for setting in (
        f"lock_timeout = '{LOCK_TIMEOUT}'",
        "row_security = off",
        "TIME ZONE 'UTC'",
        "statement_timeout = 0",
    ):
        connection.execute(text(f"SET LOCAL {setting}"))
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(text("LOCK TABLE services, tickets IN SHARE MODE"))
    for table in OLD_TABLES:
        query = f"SELECT count(*) - count(DISTINCT id) FROM {table}"
        if twice := connection.execute(text(query)).scalar_one():
            raise SetupError(f"{twice} rows of the old {table} have no id of their own. {UNCHANGED}")


def move(connection: Connection) -> None:
    """Moves the old tables to the schema `legacy`, with their sequences and indexes; foreign keys and views stay valid.

    Raises SetupError if that schema is in use.
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
    for table in (*OLD_TABLES, "alembic_version"):
        connection.execute(text(f"ALTER TABLE IF EXISTS {home}.{table} SET SCHEMA legacy"))


def checksums(connection: Connection, schema: str = "") -> list[str]:
    """SHA-256 of all rows of each old table, in hex."""
    row = "sha256(convert_to(t::text, 'UTF8'))"
    whole = f"encode(sha256(coalesce(string_agg({row}, ''::bytea ORDER BY id), '')), 'hex')"
    queries = (f"SELECT {whole} FROM {schema}{table} t" for table in OLD_TABLES)
    return [connection.execute(text(query)).scalar_one() for query in queries]


def read_services(connection: Connection) -> list[OldService]:
    """All old services, by id."""
    query = text("SELECT id, name, is_active, avg_service_minutes FROM legacy.services ORDER BY id")
    return [OldService(*row) for row in connection.execute(query)]


def read_tickets(connection: Connection, zone: str, now: datetime) -> list[OldTicket]:
    """All old tickets, in the order in which they wait; their stored times are local times of `zone`."""
    # Times that `datetime` can't hold (other years, infinities) become its ends, which are impossible times too.
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
    """Copies patients' names to the imported tickets inside the database."""
    connection.execute(
        text(
            "UPDATE tickets t SET patient_name = old.patient_name FROM legacy.tickets old "
            "WHERE t.issued_by = :from || old.id AND old.patient_name IS NOT NULL"
        ),
        {"from": ISSUED_BY},
    )


def count_tickets(connection: Connection) -> list[tuple[int | None, str, str | None, int]]:
    """Rows of (old service id or None, service name, status as stored, number of tickets)."""
    query = text("""
        SELECT coalesce(s.id, t.service_id), CASE WHEN s.id IS NULL THEN 'missing' ELSE coalesce(s.name, 'no name') END,
            t.status, count(t.id)
        FROM services s FULL JOIN tickets t ON t.service_id = s.id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""")
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]
