"""Creates the tables: configuration, lines, append-only history with its hash chains."""

from __future__ import annotations

from alembic import op

from server.database.schema_revision import revision_file
from server.schema import sql_files

revision = "0001_initial"
down_revision = None


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run(op.get_bind(), revision_file(revision))
