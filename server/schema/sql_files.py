"""Runs SQL files unchanged: without bind parameters and escapes."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection


def run(connection: Connection, *files: Path) -> None:
    """Runs files in order, in the caller's transaction. Raises DBAPIError."""
    for file in files:
        connection.exec_driver_sql(file.read_text("utf-8"), execution_options={"no_parameters": True})
