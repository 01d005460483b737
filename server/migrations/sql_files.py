"""Runs a revision's SQL file exactly as it stands, on the driver's own connection (no bind parameters, no escapes)."""

from __future__ import annotations

from importlib import resources

from alembic import op


def run(*names: str) -> None:
    """Runs `sql/NAME.sql` for each name, in order, inside the migration's transaction."""
    folder = resources.files(__package__) / "sql"
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    for name in names:
        driver.execute((folder / f"{name}.sql").read_text("utf-8"))
