"""Tables, append-only history with its hash chains, configuration revision."""

from __future__ import annotations

from server.schema.migrations import sql_files

revision = "0001_initial"
down_revision = None


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run("0001_tables", "0001_history")
