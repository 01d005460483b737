"""The epoch follows the server that the database is on; hubs act as a role that may only call."""

from __future__ import annotations

from server.schema.migrations import sql_files

revision = "0005_hub_role"
down_revision = "0004_every_operation"


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run("0005_epoch", "0005_sessions", "0005_role")
