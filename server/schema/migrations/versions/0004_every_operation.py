"""Every operation of a clinic's line: 0003's functions again, whole, and what they lacked."""

from __future__ import annotations

from server.schema.migrations import sql_files

revision = "0004_every_operation"
down_revision = "0003_queue_operations"


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run(
        "0004_tables",
        "0004_line",
        "0004_calls",
        "0004_places",
        "0004_undo",
        "0004_days",
        "0004_readings",
        "0004_wait_times",
        "0004_checks",
        "0004_import",
    )
