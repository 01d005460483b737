"""Adds the presence of people at hubs and the count of no-shows, and keeps a changed schedule from closing a day."""

from __future__ import annotations

from alembic import op

from server.database.schema_revision import revision_file
from server.schema import sql_files

revision = "0003_presence_and_places"
down_revision = "0002_add_queue_constraints"


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run(op.get_bind(), revision_file(revision))
