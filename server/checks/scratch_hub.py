"""Starts a temporary hub for a check: a scratch database on the clinic's server, and a process; removes both again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from core.errors import SetupError
from server.schema import revisions
from server.schema.engine import administration_engine, sentence_of

READY = "listening on "
STOP_SECONDS = 10


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """Creates an empty database with the current schema on the same server; yields its URL, then drops it.

    Raises SetupError.
    """
    name = f"inturn_probe_{token_hex(4)}"
    server = create_engine(administration_engine(url).url, isolation_level="AUTOCOMMIT")
    try:
        _execute(server, f"CREATE DATABASE {name}")
    except DBAPIError as error:
        raise SetupError(f"No scratch database can be made beside this one. {sentence_of(error)}") from error
    scratch = server.url.set(database=name)
    try:
        engine = create_engine(scratch)
        revisions.upgrade(engine)
        engine.dispose()
        yield scratch.render_as_string(hide_password=False)
    finally:
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")
        server.dispose()


@contextmanager
def hub_process(database_url: str) -> Iterator[str]:
    """Runs a hub on a database for the `with` block; yields its address. Raises SetupError."""
    command = [sys.executable, "-m", "server", "serve", "--database-url", database_url, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line.startswith(READY):
            raise SetupError("The hub for this check did not start.")
        yield line.removeprefix(READY)
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)


def _execute(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))
