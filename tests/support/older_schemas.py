"""A database as an earlier InTurn left it, made from one with the current schema."""

from __future__ import annotations

from server.database.schema_revision import fingerprint, revision_files

FIRST = "0001_initial"


def make_older() -> str:
    """A statement: the database is at the first revision. It keeps what later ones made, for checks that only ask."""
    tables = fingerprint(*revision_files(FIRST))
    record = f"WITH recorded AS (UPDATE installed_schema SET tables_fingerprint = '{tables}')"
    return f"{record} UPDATE alembic_version SET version_num = '{FIRST}' RETURNING 1"
