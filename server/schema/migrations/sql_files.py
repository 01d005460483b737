"""Runs a revision's SQL file exactly as it stands: no bind parameters, no escapes."""

from __future__ import annotations

from importlib import resources

from alembic import op


def run(*names: str) -> None:
    """Runs `sql/NAME.sql` for each name, in order, inside the migration's transaction."""
    folder = resources.files(__package__) / "sql"
    for name in names:
        statements = (folder / f"{name}.sql").read_text("utf-8")
        op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
