"""Schemas beside InTurn's own, in the transaction of a restore: no other session sees them before the commit.

`NEW` gets the tables at the revision of the backup, then its rows, then the current schema; `NEW_LEGACY` gets the
tables of the earlier version. Only rows come from the backup: every table, check, trigger and function is the program's.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter

from sqlalchemy import Connection, text

from core.errors import SetupError
from server.backups import loading_role
from server.backups.contents import Contents
from server.backups.copy_text import TableRows
from server.backups.credentials import shown
from server.backups.dump_file import Entry
from server.database.copy_in import copy_rows
from server.schema import revisions, soundness
from server.schema.backup import Progress
from server.schema.legacy.database import OLD_TABLES, UNCHANGED

NEW, NEW_LEGACY, LEGACY = "inturn_restore_new", "inturn_restore_legacy", "legacy"
NOT_LOADED = {"alembic_version", "installed_schema", "installed_functions", "sessions", "pairing_codes"}
"""The program itself writes the first three; a session or pairing code of the backup must not be valid again."""
_OLD_NAMES = (*OLD_TABLES, "alembic_version")
_TYPES = {"bigint": "bigint", "boolean": "boolean", "timestamp without time zone": "timestamp"}
_COLUMNS = """
    SELECT c.relname, array_agg(a.attname::text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attgenerated = '' GROUP BY c.relname
"""
_REFERENCES = """
    SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conrelid <> confrelid AND connamespace = to_regnamespace(:schema)
"""
_SEQUENCES = """
    SELECT c.relname, a.attname, pg_get_serial_sequence(quote_ident(c.relname), a.attname)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind = 'r' AND a.attidentity <> ''
"""


class ScratchSchema:
    """The new tables of a restore, in `connection`'s transaction."""

    def __init__(self, connection: Connection, contents: Contents, progress: Progress) -> None:
        self._connection = connection
        self._contents = contents
        self._progress = progress
        self._loaded: list[tuple[str, str]] = []

    def build(self) -> None:
        """Makes the tables, loads and upgrades the rows, and checks them. Raises SetupError, DBAPIError."""
        for schema in (NEW, NEW_LEGACY):
            self._run(f"CREATE SCHEMA {schema}")
        self._run(f"SET LOCAL search_path = {NEW}")
        revisions.build(self._connection, self._contents.revision, self._load)
        self._progress("checking integrity and history")
        if wrong := soundness.violations(self._connection):
            raise self._refusal(f"is not sound: {shown('; '.join(wrong[:3]))}")

    def _load(self) -> None:
        columns = {name: set(found) for name, found in self._rows(_COLUMNS)}
        entries = self._entries([name for name in self._in_order(columns) if name not in NOT_LOADED])
        self._run("DELETE FROM settings")
        loading_role.create(self._connection)
        for name in columns:
            self._run(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        with self._contents.dump.read(entries) as tables:
            for table in tables:
                self._load_table(table, columns)
        if self._loaded != [(entry.schema, entry.name) for entry in entries]:
            raise self._refusal("does not hold the tables that it lists")
        self._run("SET CONSTRAINTS ALL IMMEDIATE")
        for name in columns:
            self._run(f"ALTER TABLE {name} ENABLE TRIGGER USER")
            self._run(f"ANALYZE {name}")
        for name, column, sequence in self._rows(_SEQUENCES):
            self._run(f"SELECT setval('{sequence}', max({column})) FROM {name} HAVING count(*) > 0")

    def _in_order(self, columns: Mapping[str, object]) -> list[str]:
        """The tables, each behind those that its rows refer to."""
        order = TopologicalSorter[str](dict.fromkeys(columns, ()))
        for table, referred in self._rows(_REFERENCES):
            order.add(table, referred)
        return list(order.static_order())

    def _entries(self, tables: list[str]) -> list[Entry]:
        dump = self._contents.dump
        ours, old = dump.rows_of(self._contents.schema), dump.rows_of(LEGACY)
        if missing := [name for name in tables if name not in ours]:
            raise self._refusal(f"holds no rows of {', '.join(missing)}")
        return [ours[name] for name in tables] + [old[name] for name in _OLD_NAMES if name in old]

    def _load_table(self, table: TableRows, columns: Mapping[str, set[str]]) -> None:
        self._progress(f"loading {table.name}")
        # What the file lists and what its text says may differ in a prepared file: the text decides where rows go.
        self._loaded.append((table.schema, table.name))
        if table.schema == LEGACY and table.name in _OLD_NAMES:
            place = NEW_LEGACY
            self._make_plain(table)
        elif table.name not in NOT_LOADED and set(table.columns) == columns.get(table.name):
            place = NEW
        else:
            raise self._refusal(f"has other columns of {shown(table.name)} than InTurn")
        listed = ", ".join(map(self._quoted, table.columns))
        statement = f"COPY {place}.{table.name} ({listed}) FROM STDIN"
        with loading_role.acting(self._connection, f"{place}.{table.name}", table.encoding):
            # SQLAlchemy has no COPY: the driver's cursor of the same connection and transaction.
            copy_rows(self._connection.connection.cursor(), statement, table.name, table.lines)

    def _make_plain(self, table: TableRows) -> None:
        """A table of the earlier version: its columns without defaults, checks and keys."""
        known = OLD_TABLES.get(table.name, {})
        kinds = (_TYPES.get(min(known.get(column, {"text"})), "text") for column in table.columns)
        columns = ", ".join(f"{self._quoted(c)} {kind}" for c, kind in zip(table.columns, kinds, strict=True))
        self._run(f"CREATE TABLE {NEW_LEGACY}.{table.name} ({columns})")

    def _refusal(self, what: str) -> SetupError:
        return SetupError(f"The backup {self._contents.dump.file} {what}. {UNCHANGED}")

    def _quoted(self, name: str) -> str:
        return self._connection.dialect.identifier_preparer.quote_identifier(name)

    def _rows(self, query: str) -> list[tuple[str, ...]]:
        return [tuple(row) for row in self._connection.execute(text(query), {"schema": NEW})]

    def _run(self, statement: str) -> None:
        self._connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
