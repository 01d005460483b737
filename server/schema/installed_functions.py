"""Installs the SQL functions in a database, records them, and compares them with the record.

`CREATE OR REPLACE` keeps calls of running hubs working and locks no table. If PostgreSQL can't replace a function,
because its result or the names of its arguments changed, all functions are dropped and created again.
Functions that InTurn did not make stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.errors import SetupError
from server.database.schema_revision import TRIGGER_FUNCTIONS, function_files
from server.schema import sql_files

_CANNOT_REPLACE = "42P13"
"""SQLSTATE: the result or the name of an argument changed, or a default was removed."""
_DEFINED = re.compile(r"^CREATE OR REPLACE FUNCTION (\w+)\(", re.MULTILINE)
# Without privileges and search path: every upgrade sets them again (`hub_role`).
_FUNCTIONS = """
    SELECT p.oid, p.oid::regprocedure::text AS signature, p.proname AS name, p.xmin::text AS version,
        p.prorettype = 'trigger'::regtype AS of_trigger,
        sha256(convert_to(concat_ws(E'\\n', l.lanname, p.provolatile, p.proparallel, p.proisstrict,
            pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prosrc), 'UTF8')) AS definition
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind = 'f' AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
"""
_VALIDATE = """
    SELECT CASE l.lanname WHEN 'sql' THEN fmgr_sql_validator(p.oid) ELSE plpgsql_validator(p.oid) END
    FROM installed_functions i JOIN pg_proc p ON p.oid = to_regprocedure(i.signature)
    JOIN pg_language l ON l.oid = p.prolang
"""


@dataclass(frozen=True)
class Function:
    """A function of the schema: `version` changes when it is replaced; `recorded` if InTurn installed it."""

    oid: int
    version: str
    signature: str
    name: str
    recorded: bool


@dataclass(frozen=True)
class FunctionDifference:
    """A function that differs from the record: `fault` is "altered", "missing" or "strange" (an overload)."""

    signature: str
    fault: str


def begin(connection: Connection) -> set[Function]:
    """Installs the functions of triggers, which the tables need. Returns the functions that existed before.

    Raises SetupError if a function that InTurn did not install has the name of a function of InTurn.
    """
    before = _functions(connection)
    shipped = {name for file in function_files() for name in _DEFINED.findall(file.read_text("utf-8"))}
    for function in before:
        if function.name in shipped and not function.recorded:
            raise SetupError(
                "Something of another program's is in the way: "
                f"the function {function.signature} already exists. Nothing was changed."
            )
    sql_files.run(connection, TRIGGER_FUNCTIONS)
    return before


def put_in_place(connection: Connection, before: set[Function]) -> None:
    """Installs all other functions, drops those of older versions, and records the result.

    Raises DBAPIError for an invalid definition, and if another object depends on a function that has to be dropped.
    """
    # Functions call functions of later files: PostgreSQL checks the bodies when all exist.
    connection.execute(text("SET LOCAL check_function_bodies = off"))
    _replace(connection)
    connection.execute(text("SET LOCAL check_function_bodies = on"))
    left = before & _functions(connection)
    _drop(connection, [function.signature for function in left if function.recorded])
    connection.execute(text("DELETE FROM installed_functions"))
    record = f"""
        INSERT INTO installed_functions SELECT f.signature, f.definition FROM ({_FUNCTIONS}) f
        WHERE f.oid::bigint <> ALL (CAST(:others AS bigint[]))"""
    others = [function.oid for function in left if not function.recorded]
    connection.execute(text(record), {"others": others})
    connection.execute(text(_VALIDATE))


def function_differences(connection: Connection) -> Iterator[FunctionDifference]:
    """The functions that differ from what the last upgrade installed."""
    query = f"""
        SELECT coalesce(i.signature, f.signature), CASE WHEN f.oid IS NULL THEN 'missing'
            WHEN i.signature IS NULL THEN 'strange' ELSE 'altered' END
        FROM installed_functions i FULL JOIN ({_FUNCTIONS}) f USING (signature)
        WHERE i.definition IS DISTINCT FROM f.definition AND (i.signature IS NOT NULL
            OR f.name IN (SELECT split_part(signature, '(', 1) FROM installed_functions))
        ORDER BY 1"""
    for signature, fault in connection.execute(text(query)):
        yield FunctionDifference(signature, fault)


def _functions(connection: Connection) -> set[Function]:
    has_record = connection.execute(
        text("SELECT to_regclass('installed_functions') IS NOT NULL")
    ).scalar_one()
    recorded = "f.signature IN (SELECT signature FROM installed_functions)" if has_record else "false"
    query = f"SELECT oid::bigint, version, signature, name, {recorded} FROM ({_FUNCTIONS}) f"
    return {Function(*row) for row in connection.execute(text(query))}


def _replace(connection: Connection) -> None:
    files = [file for file in function_files() if file != TRIGGER_FUNCTIONS]
    try:
        with connection.begin_nested():
            sql_files.run(connection, *files)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _CANNOT_REPLACE:
            raise
        query = f"SELECT signature FROM ({_FUNCTIONS}) f JOIN installed_functions USING (signature) WHERE NOT of_trigger"
        _drop(connection, connection.execute(text(query)).scalars())
        sql_files.run(connection, *files)


def _drop(connection: Connection, signatures: Iterable[str]) -> None:
    if names := ", ".join(signatures):
        connection.exec_driver_sql(f"DROP FUNCTION {names}", execution_options={"no_parameters": True})
