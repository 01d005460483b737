"""Unique, positive, dense places: the net under the locks."""

from __future__ import annotations

from server.schema.migrations import sql_files

revision = "0002_add_queue_constraints"
down_revision = "0001_initial"


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run("0002_constraints")
