"""Adds constraints, which check again what the operations ensure under their locks, and indexes."""

from __future__ import annotations

from alembic import op

from server.database.schema_revision import revision_file
from server.schema import sql_files

revision = "0002_add_queue_constraints"
down_revision = "0001_initial"


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run(op.get_bind(), revision_file(revision))
