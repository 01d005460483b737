"""Turns a database with the current schema into one of an earlier InTurn."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

from server.database.schema_revision import fingerprint, revision_files
from server.schema import installed_functions, revisions
from tests.support.clinic import Clinic

FIRST = "0001_initial"


def make_older() -> str:
    """A statement that records the first revision; objects of later revisions stay, for checks that only read."""
    tables = fingerprint(*revision_files(FIRST))
    record = f"WITH recorded AS (UPDATE installed_schema SET tables_fingerprint = '{tables}')"
    return f"{record} UPDATE alembic_version SET version_num = '{FIRST}' RETURNING 1"


COPIED = (
    "settings",
    "users",
    "devices",
    "services",
    "counters",
    "counter_services",
    "tickets",
    "queue_events",
)


def fill_older(engine: Engine, clinic: Clinic) -> None:
    """Makes the tables of the first revision in an empty database, with the rows of a clinic."""
    with engine.begin() as connection:
        installed_functions.begin(connection)
        revisions._migrate(connection, FIRST)
        record = (
            "INSERT INTO installed_schema (tables_fingerprint, functions_fingerprint) VALUES (:tables, '')"
        )
        connection.execute(text(record), {"tables": fingerprint(*revision_files(FIRST))})
        connection.execute(text("DELETE FROM settings"))
        for table in COPIED:
            rows: list[Any] = clinic.rows(f"SELECT to_jsonb(t)::text FROM {table} t")
            insert = (
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE "
                f"SELECT * FROM jsonb_populate_record(NULL::{table}, CAST(:row AS jsonb))"
            )
            for (row,) in rows:
                renamed = row.replace('"no_shows":', '"no_show_calls":')
                connection.execute(text(insert), {"row": renamed})
        connection.execute(text("UPDATE settings SET admin_revision = 0, admin_last_hash = ''"))
