"""Puts the tables and functions of the scratch schemas in the place of the present ones, in one transaction.

Present objects of the same names go to the schema `OLD`, which is dropped. Objects that InTurn did not make stay.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.errors import SetupError
from server.backups.scratch_schema import LEGACY, NEW, NEW_LEGACY
from server.schema.legacy.database import UNCHANGED

OLD = "inturn_restore_old"
_LOCK_TIMEOUT, _ATTEMPTS = "900ms", 60
_IN_USE = {"55P03", "40P01"}
"""SQLSTATEs: lock not available, deadlock."""
_FIRST_LOCKED = ("counters", "services")
"""Operations lock these first: an operation that has to wait for the restore then holds nothing that it needs."""
_RELATIONS = """
    SELECT relname FROM pg_class c WHERE relnamespace = to_regnamespace(:schema) AND (relkind IN ('r', 'p', 'v', 'm')
        OR relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
"""
_TYPES = """
    SELECT typname FROM pg_type WHERE typnamespace = to_regnamespace(:schema) AND typtype IN ('d', 'e')
"""
_FUNCTIONS = """
    SELECT p.oid::regprocedure::text FROM installed_functions JOIN pg_proc p ON p.oid = to_regprocedure(signature)
    WHERE p.pronamespace = to_regnamespace(:schema)
"""
_STRANGERS = """
    SELECT DISTINCT pg_describe_object(classid, objid, 0) FROM pg_depend d
    WHERE deptype = 'n' AND EXISTS (
        SELECT FROM pg_class WHERE relnamespace = to_regnamespace(:schema)
            AND (refclassid, refobjid) = ('pg_class'::regclass, oid)
        UNION ALL SELECT FROM pg_type WHERE typnamespace = to_regnamespace(:schema)
            AND (refclassid, refobjid) = ('pg_type'::regclass, oid)
        UNION ALL SELECT FROM pg_proc WHERE pronamespace = to_regnamespace(:schema)
            AND (refclassid, refobjid) = ('pg_proc'::regclass, oid)
    ) AND to_regnamespace(:schema) <> coalesce(
        CASE classid WHEN 'pg_rewrite'::regclass THEN
            (SELECT relnamespace FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.oid = objid)
        WHEN 'pg_constraint'::regclass THEN (SELECT connamespace FROM pg_constraint WHERE oid = objid)
        WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = objid)
        WHEN 'pg_trigger'::regclass THEN
            (SELECT relnamespace FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.oid = objid)
        WHEN 'pg_attrdef'::regclass THEN
            (SELECT relnamespace FROM pg_attrdef a JOIN pg_class c ON c.oid = a.adrelid WHERE a.oid = objid)
        WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = objid)
        END, to_regnamespace(:schema))
"""
"""Objects outside of a schema that depend on what is in it: views, foreign keys, functions, triggers and defaults."""


class Swap:
    """The exchange in `connection`'s transaction; `home` is the quoted name of the schema of InTurn's tables."""

    def __init__(self, connection: Connection, home: str) -> None:
        self._connection = connection
        self._places = {NEW_LEGACY: LEGACY, NEW: home}

    def lock_present(self, mode: str) -> None:
        """Locks the present tables in a mode of `LOCK TABLE`. Raises SetupError if they stay in use.

        An operation may hold a lock that this one needs, and wait for a lock that this transaction holds. Each attempt
        ends before PostgreSQL would search for a deadlock (1 s) and releases what it got; the operation ends by itself,
        at the latest at its statement_timeout (10 s).
        """
        tables = [f"{place}.{name}" for new, place in self._places.items() for name in self._both(new, place)]
        if not tables:
            return
        self._run(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        for _ in range(_ATTEMPTS):
            try:
                with self._connection.begin_nested():
                    self._run(f"LOCK TABLE {', '.join(tables)} IN {mode} MODE")
                return
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _IN_USE:
                    raise
                self._run("SELECT pg_sleep(0.05)")
        raise SetupError(f"The database is in use: stop the hubs, then try again. {UNCHANGED}")

    def exchange(self) -> None:
        """Drops the present objects and moves the new ones there. Raises SetupError, DBAPIError.

        The search path is then InTurn's schema.
        """
        self.lock_present("ACCESS EXCLUSIVE")
        home = self._places[NEW]
        self._run(f"SET LOCAL search_path = {home}")
        functions = self._names(_FUNCTIONS, home) if self._both(NEW, home) else []
        for new, place in self._places.items():
            self._run(f"CREATE SCHEMA {OLD}")
            for signature in functions if new == NEW else ():
                self._run(f"ALTER FUNCTION {signature} SET SCHEMA {OLD}")
            self._move(new, place, OLD)
            self._drop_old()
            self._bring(new, place)

    def _move(self, new: str, place: str, target: str) -> None:
        """Moves what has the name of a new object from `place` to `target`."""
        for name in self._both(new, place):
            self._run(f"ALTER TABLE {place}.{name} SET SCHEMA {target}")
        for name in set(self._names(_TYPES, new)) & set(self._names(_TYPES, place)):
            self._run(f"ALTER TYPE {place}.{name} SET SCHEMA {target}")

    def _drop_old(self) -> None:
        if strangers := self._names(_STRANGERS, OLD):
            raise SetupError(
                f"Something that is not InTurn's depends on its tables: {', '.join(strangers[:3])}. "
                f"Drop that first. {UNCHANGED}"
            )
        self._run(f"DROP SCHEMA {OLD} CASCADE")

    def _bring(self, new: str, place: str) -> None:
        if new == NEW:
            self._run(f"SET LOCAL search_path = {NEW}")
            for signature in self._names(_FUNCTIONS, NEW):
                self._run(f"ALTER FUNCTION {signature} SET SCHEMA {place}")
        elif self._names(_RELATIONS, new):
            self._run(f"CREATE SCHEMA IF NOT EXISTS {place}")
        for name in self._names(_RELATIONS, new):
            self._run(f"ALTER TABLE {new}.{name} SET SCHEMA {place}")
        for name in self._names(_TYPES, new):
            self._run(f"ALTER TYPE {new}.{name} SET SCHEMA {place}")
        self._run(f"DROP SCHEMA {new}")
        self._run(f"SET LOCAL search_path = {self._places[NEW]}")

    def _both(self, new: str, place: str) -> list[str]:
        common = set(self._names(_RELATIONS, new)) & set(self._names(_RELATIONS, place))
        return sorted(common, key=lambda name: (name not in _FIRST_LOCKED, name))

    def _names(self, query: str, schema: str) -> list[str]:
        return list(self._connection.execute(text(query), {"schema": schema}).scalars())

    def _run(self, statement: str) -> None:
        self._connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
