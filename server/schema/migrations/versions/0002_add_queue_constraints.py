"""Unique, positive, dense places: the net under the locks. And the indexes."""

from __future__ import annotations

from alembic import op

from server.database.schema_revision import revision_file
from server.schema import sql_files

revision = "0002_add_queue_constraints"
down_revision = "0001_initial"


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run(op.get_bind(), revision_file(revision))
