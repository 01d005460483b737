"""Adds what administration needs, and computes the normal forms of the names that are there already."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from core.texts import normal_form
from server.database.schema_revision import revision_file
from server.schema import sql_files

revision = "0004_administration"
down_revision = "0003_presence_and_places"

_NAMES = (
    ("users", "username", "name_key", True),
    ("users", "display_name", "display_key", True),
    ("services", "name", "name_key", True),
    ("counters", "name", "name_key", True),
    ("devices", "name", "name_key", False),
)
"""(table, column of the name, column of its form, whether the form is unique)."""


def upgrade() -> None:
    """Applies this revision."""
    sql_files.run(op.get_bind(), revision_file(revision))
    for table, name, key, unique in _NAMES:
        _fill(table, name, key, unique)
    op.alter_column("users", "name_key", nullable=False)
    op.alter_column("users", "display_key", nullable=False)
    op.alter_column("devices", "name_key", nullable=False)


def _fill(table: str, name: str, key: str, unique: bool) -> None:
    """Writes the forms; of equal names the first keeps the form: accounts get a number, others no form."""
    connection = op.get_bind()
    taken: set[str] = set()
    for number, typed in connection.execute(text(f"SELECT id, {name} FROM {table} ORDER BY id")).all():
        form: str | None = normal_form(typed)
        if unique and form in taken:
            form = f"{form} {number}" if table == "users" else None
        if form is not None:
            taken.add(form)
        connection.execute(
            text(f"UPDATE {table} SET {key} = :form WHERE id = :id"), {"form": form, "id": number}
        )
