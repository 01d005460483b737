"""Brings a database to the current schema, and says which one it has."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from core.errors import SetupError

_UPGRADE_LOCK = 0x1A7A_5C4E
"""Advisory lock: several processes may adopt one cluster, one of them upgrades it."""


def _configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def current_revision(connection: Connection) -> str | None:
    """The schema's revision, None for a database that InTurn never touched."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def latest_revision() -> str:
    """The revision that this program needs."""
    revision = ScriptDirectory.from_config(_configuration()).get_current_head()
    assert revision is not None
    return revision


def upgrade(engine: Engine) -> list[str]:
    """Applies the missing revisions in one transaction and returns their names; empty if nothing was missing."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
        before = current_revision(connection)
        _refuse_newer(before)
        config = _configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        steps = ScriptDirectory.from_config(config).iterate_revisions("head", before or "base")
        return [step.revision for step in steps][::-1]


def _refuse_newer(revision: str | None) -> None:
    script = ScriptDirectory.from_config(_configuration())
    if revision is not None and revision not in {step.revision for step in script.walk_revisions()}:
        raise SetupError(
            f"This database was made by a newer InTurn (its schema is {revision}). Please install that version here."
        )
