"""Wall clocks that jump under a running clinic: the database's, as its functions read it, and the hub's.

No clock of the machine is touched: each database function finds another `clock_timestamp()` before PostgreSQL's own, and
the hub's process is forked with a `datetime` and a `time.time` that add what a shared number says.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import sys
import time
from datetime import datetime, timedelta, tzinfo
from typing import Any, Self

from sqlalchemy import Engine, text

from server.timings import Timings
from tests.support.hub_process import HubProcess, _serve

_context = multiprocessing.get_context("forkserver")
_INSTALL = """
    CREATE SCHEMA jumping;
    CREATE TABLE jumping.clock AS SELECT interval '0' AS away;
    CREATE FUNCTION jumping.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS
        $$BEGIN RETURN pg_catalog.clock_timestamp() + (SELECT away FROM jumping.clock); END$$;
    CREATE FUNCTION jumping.now() RETURNS timestamptz LANGUAGE plpgsql STABLE SECURITY DEFINER AS
        $$BEGIN RETURN pg_catalog.now() + (SELECT away FROM jumping.clock); END$$;
    GRANT USAGE ON SCHEMA jumping TO PUBLIC;
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
    """A hub and its database, whose clocks go wrong together."""

    def __init__(self, database_url: str, engine: Engine, timings: Timings) -> None:
        self._away = _context.Value("d", 0.0, lock=False)
        self._engine = engine
        with engine.begin() as connection:
            connection.execute(text(_INSTALL))
        super().__init__(database_url, timings=timings)

    def jump(self, seconds: float) -> None:
        """Both clocks are so far from the true time from now on."""
        self._away.value = seconds
        with self._engine.begin() as connection:
            connection.execute(
                text("UPDATE jumping.clock SET away = make_interval(secs => :away)"), {"away": seconds}
            )

    def _start(self) -> None:
        ours, theirs = _context.Pipe()
        arguments = (self._away, self._database_url, self._options, self._most_files, theirs)
        self._process = _context.Process(target=_serve_jumping, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self.url, self._options["port"] = ours.recv()


def _serve_jumping(away: ctypes.c_double, *arguments: Any) -> None:
    true_time = time.time

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            # A plain one: what is made of it needs no clock.
            return datetime.now(tz) + timedelta(seconds=away.value)  # type: ignore[return-value]

    time.time = lambda: true_time() + away.value
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in {"server", "core"} and getattr(module, "datetime", None) is datetime:
            vars(module)["datetime"] = Jumping
    _serve(*arguments)
