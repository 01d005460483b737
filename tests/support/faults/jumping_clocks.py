"""Wall clocks that jump under a running clinic: the database's, as its functions read it, and the hub's.

The machine's clock is not touched. By their `search_path` the database's functions find another `clock_timestamp()`
before PostgreSQL's own; the hub's process is forked with a `datetime` and a `time.time` that add a shared offset.
"""

from __future__ import annotations

import ctypes
import inspect
import sys
import time
from datetime import datetime, timedelta, tzinfo
from typing import Any, Self

from sqlalchemy import Engine, text

from server.timings import Timings
from tests.support.forks import forks
from tests.support.hub_process import HubProcess, _serve

ORDERED_BY_TIME = {
    "times running backwards",
    "changes that do not follow from the ticket's last",
    "two patients at one counter",
}
"""Findings that compare times: they step back when a clock is set right, and those of two lines differ meanwhile.

Revisions, the replay of the history and a unique index show the same without times.
"""
_INSTALL = """
    CREATE SCHEMA jumping;
    CREATE TABLE jumping.clock AS SELECT interval '0' AS ahead;
    CREATE FUNCTION jumping.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS
        $$BEGIN RETURN pg_catalog.clock_timestamp() + (SELECT ahead FROM jumping.clock); END$$;
    CREATE FUNCTION jumping.now() RETURNS timestamptz LANGUAGE plpgsql STABLE SECURITY DEFINER AS
        $$BEGIN RETURN pg_catalog.now() + (SELECT ahead FROM jumping.clock); END$$;
    GRANT USAGE ON SCHEMA jumping TO PUBLIC;
"""
_READ_IT = """
    DO $$
    DECLARE
        f regprocedure;
    BEGIN
        FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' LOOP
            EXECUTE format('ALTER FUNCTION %s SET search_path = jumping, pg_catalog, public, pg_temp', f);
        END LOOP;
    END$$;
"""


class JumpingHub(HubProcess):
    """A hub whose clock jumps together with its database's."""

    def __init__(self, database_url: str, engine: Engine, timings: Timings) -> None:
        self._ahead = forks.Value("d", 0.0, lock=False)
        self._engine = engine
        with engine.begin() as connection:
            connection.execute(text(_INSTALL))
        self.install_clock()
        super().__init__(database_url, timings=timings)

    def install_clock(self) -> None:
        """Makes the database's functions read the jumping clock; needed again when they were replaced."""
        with self._engine.begin() as connection:
            connection.execute(text(_READ_IT))

    def jump(self, seconds: float) -> None:
        """Sets both clocks to the true time plus `seconds`."""
        self._ahead.value = seconds
        with self._engine.begin() as connection:
            connection.execute(
                text("UPDATE jumping.clock SET ahead = make_interval(secs => :ahead)"), {"ahead": seconds}
            )

    def _start(self) -> None:
        ours, theirs = forks.Pipe()
        arguments = (self._ahead, self._database_url, self._options, self._most_files, theirs)
        self._process = forks.Process(target=_serve_jumping, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self.url, self._options["port"] = ours.recv()


def _serve_jumping(ahead: ctypes.c_double, *arguments: Any) -> None:
    true_time = time.time

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            # Returns a plain datetime: values that are derived from it read no clock.
            return datetime.now(tz) + timedelta(seconds=ahead.value)  # type: ignore[return-value]

    time.time = lambda: true_time() + ahead.value
    for name, module in list(sys.modules.items()):
        # Only where the clock is read: elsewhere the name is a field's type, which decoders look up.
        if name.split(".")[0] in {"server", "core"} and "datetime.now(" in inspect.getsource(module):
            vars(module)["datetime"] = Jumping
    _serve(*arguments)
