"""The role `inturn_hub` may do all that a hub's work needs; a stolen connection of it can do nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from core.client.hub_client import HubClient
from core.errors import HubError
from server.database.calls import driver_url
from server.schema import hub_role
from server.schema.tables import metadata
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.places import ROOT

CALLED_AT_CONNECT = {"current_epoch", "hub_role"}
Row = tuple[Any, ...]


@contextmanager
def acting(clinic: Clinic, role: str = hub_role.ROLE) -> Iterator[psycopg.Connection[Row]]:
    """A connection with the privileges of a hub's."""
    options = f"-c role={role}"
    with psycopg.connect(driver_url(clinic.database_url), autocommit=True, options=options) as connection:
        yield connection


def execute_as_owner(clinic: Clinic, *statements: str) -> None:
    """Executes the statements as the owner of the database."""
    with psycopg.connect(driver_url(clinic.database_url)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def functions(clinic: Clinic) -> dict[str, list[Row]]:
    """All functions of the schema by name: (signature, one NULL for each argument, return type)."""
    query = (
        "SELECT proname, oid::regprocedure::text, array_to_string(ARRAY(SELECT 'NULL::' || format_type(t, NULL) "
        "FROM unnest(proargtypes) t), ', '), prorettype::regtype::text FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace"
    )
    found: dict[str, list[Row]] = {}
    for name, *about in clinic.rows(query):
        found.setdefault(name, []).append(tuple(about))
    return found


def called_by_hubs(known: set[str]) -> set[str]:
    """The functions whose names are arguments of calls in the hub's modules."""
    rooms = ("connections", "database", "door", "health", "operations", "pushes", "schema")
    files = [
        path for room in rooms for path in (ROOT / "server" / room).glob("*.py") if path.stem != "tables"
    ]
    trees = [ast.parse(path.read_text("utf-8")) for path in files]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    arguments = [value.value for call in calls for value in call.args if isinstance(value, ast.Constant)]
    return known & {value for value in arguments if isinstance(value, str)}


def test_the_role_may_call_the_functions_that_hubs_call_and_no_other(clinic: Clinic) -> None:
    known = functions(clinic)
    called = called_by_hubs(set(known)) | CALLED_AT_CONNECT
    assert len(called) > 30
    allowed = {name for [names] in clinic.rows("SELECT hub_functions()") for name in names}
    assert allowed == called
    refused: set[str] = set()
    with acting(clinic) as connection:
        for name, overloads in known.items():
            for signature, nulls, returns in overloads:
                [(may,)] = clinic.rows(
                    f"SELECT has_function_privilege('{hub_role.ROLE}', '{signature}', 'EXECUTE')"
                )
                assert may == (name in allowed), signature
                if not may and returns != "trigger":
                    with pytest.raises(errors.InsufficientPrivilege, match="permission denied for function"):
                        connection.execute(f"SELECT {name}({nulls})".encode())
                    refused.add(name)
    assert {"append_queue_event", "save_ticket", "set_up_hub_role", "refuse", "import_tickets"} <= refused


def test_public_may_call_no_function(clinic: Clinic) -> None:
    open_to_all = "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    assert clinic.rows(f"{open_to_all} AND has_function_privilege('public', oid, 'EXECUTE')") == []
    assert clinic.rows("SELECT 1 WHERE has_schema_privilege('public', 'public', 'CREATE')") == []


def test_the_role_may_neither_read_nor_write_any_table(clinic: Clinic) -> None:
    kinds = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v')"
    relations = {name for (name,) in clinic.rows(kinds)}
    assert metadata.tables.keys() | {"alembic_version"} <= relations
    tried = 0
    with acting(clinic) as connection:
        for name in sorted(relations):
            table = sql.Identifier(name)
            column = sql.Identifier(
                clinic.rows(
                    f"SELECT attname FROM pg_attribute WHERE attrelid = '{name}'::regclass "
                    "AND attnum > 0 ORDER BY attnum LIMIT 1"
                )[0][0]
            )
            for statement in (
                sql.SQL("SELECT FROM {}").format(table),
                sql.SQL("SELECT {} FROM {}").format(column, table),
                sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table),
                sql.SQL("UPDATE {} SET {} = DEFAULT").format(table, column),
                sql.SQL("DELETE FROM {}").format(table),
                sql.SQL("TRUNCATE {}").format(table),
                sql.SQL("COPY {} TO STDOUT").format(table),
                sql.SQL("DROP TABLE {}").format(table),
            ):
                with pytest.raises((errors.InsufficientPrivilege, errors.WrongObjectType)):
                    connection.execute(statement)
                tried += 1
    assert tried == 8 * len(relations)


async def test_a_hub_acts_as_the_role(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as desk:
        await desk.join_queue("A")
        execute_as_owner(clinic, f"REVOKE EXECUTE ON FUNCTION join_queue FROM {hub_role.ROLE}")
        with pytest.raises(HubError):
            await desk.join_queue("A")
        clinic.rows("SELECT set_up_hub_role()")
        await desk.join_queue("A")


SHADOWS = (
    "CREATE SCHEMA evil",
    "CREATE TABLE evil.caught (function text)",
    "GRANT USAGE, CREATE ON SCHEMA evil TO inturn_hub",
    "GRANT INSERT, SELECT ON evil.caught TO PUBLIC",
)
"""A schema in which an intruder may create objects."""
TRAP = "BEGIN INSERT INTO evil.caught VALUES ('{}'); {} END"


def set_traps(clinic: Clinic, connection: psycopg.Connection[Row]) -> None:
    """Creates functions, operators and temporary tables with our names, first in the search path of the connection."""
    for name in (
        "refuse",
        "remembered_result",
        "lock_lines",
        "save_ticket",
        "next_ticket",
        "event_time",
        "utc_text",
    ):
        for arguments in clinic.rows(
            f"SELECT pg_get_function_identity_arguments(oid), format_type(prorettype, NULL) FROM pg_proc "
            f"WHERE pronamespace = 'public'::regnamespace AND proname = '{name}'"
        ):
            signature = (
                f"CREATE FUNCTION {{}}.{name}({arguments[0]}) RETURNS {arguments[1]} LANGUAGE plpgsql AS $$"
            )
            for place in ("evil", "pg_temp"):
                connection.execute(
                    (
                        signature.format(place)
                        + TRAP.format(name, "" if arguments[1] == "void" else "RETURN NULL;")
                        + "$$"
                    ).encode()
                )
    for operator, left, right, answer in (("=", "text", "text", "boolean"), ("||", "text", "bigint", "text")):
        name = f"op_{left}_{right}"
        body = TRAP.format(f"operator {operator}", "RETURN NULL;")
        connection.execute(
            f"CREATE FUNCTION evil.{name}({left}, {right}) RETURNS {answer} LANGUAGE plpgsql AS $${body}$$".encode()
        )
        made = (
            f"CREATE OPERATOR evil.{operator} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = evil.{name})"
        )
        connection.execute(made.encode())
    for table in metadata.tables:
        columns = clinic.rows(
            "SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ') FROM pg_attribute "
            f"WHERE attrelid = 'public.{table}'::regclass AND attnum > 0 AND NOT attisdropped"
        )[0][0]
        connection.execute(f"CREATE TEMPORARY TABLE {table} ({columns})".encode())
    connection.execute("SET search_path = pg_temp, evil, public, pg_catalog")


def test_an_operation_finds_no_object_that_an_intruder_made(clinic: Clinic) -> None:
    execute_as_owner(clinic, *SHADOWS)
    joining = "SELECT public.join_queue('user:1', %s, '', 'A', 'low') -> 'result' -> 'ticket' ->> 'number'"
    with acting(clinic) as connection:
        set_traps(clinic, connection)
        # The traps work: a name that is looked up in the caller's search path leads into them.
        connection.execute("SELECT 'a'::text = 'b'::text, utc_text(now())")
        assert clinic.rows("DELETE FROM evil.caught RETURNING function") == [("operator =",), ("utc_text",)]
        numbers = [connection.execute(joining, (str(n),)).fetchone() for n in range(2)]
        for act in (
            "call_next_patient('user:1', 'c', '', 'R1')",
            "undo_operation('user:1', 'u', '', 'c')",
            "find_user('staff')",
            "queue_snapshot('A')",
            "events_after('A', 0, 10)",
            "services_overview()",
            "current_revisions()",
            "current_epoch()",
            "close_day('user:1', 'd', '')",
        ):
            assert connection.execute(f"SELECT public.{act} IS NOT NULL".encode()).fetchone() == (True,), act
        with pytest.raises(psycopg.Error, match="unknown_service"):
            connection.execute("SELECT public.join_queue('user:1', 'x', '', 'nothing')")
    assert numbers == [("A001",), ("A002",)]
    assert clinic.rows("SELECT count(*) FROM tickets WHERE status = 'cancelled'") == [(2,)]
    assert clinic.rows("SELECT * FROM evil.caught") == []
