"""Turns a database with the current schema into one of an earlier InTurn."""

from __future__ import annotations

from server.database.schema_revision import fingerprint, revision_files

FIRST = "0001_initial"


def make_older() -> str:
    """A statement that records the first revision; objects of later revisions stay, for checks that only read."""
    tables = fingerprint(*revision_files(FIRST))
    record = f"WITH recorded AS (UPDATE installed_schema SET tables_fingerprint = '{tables}')"
    return f"{record} UPDATE alembic_version SET version_num = '{FIRST}' RETURNING 1"
