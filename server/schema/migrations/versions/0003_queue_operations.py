"""The operations, one SQL function each, and what hubs read."""

from __future__ import annotations

from server.schema.migrations import sql_files

revision = "0003_queue_operations"
down_revision = "0002_add_queue_constraints"


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run("0003_line", "0003_operations", "0003_readings", "0003_access")
