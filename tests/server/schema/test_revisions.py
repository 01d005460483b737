"""Migrations are complete, repeatable and safe when several processes adopt a cluster; `tables` agrees with them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.types import TypeEngine

from core.errors import SetupError
from server.checks.scratch_hub import scratch_database
from server.database.schema_revision import latest_revision, revision_files
from server.schema import revisions
from server.schema.tables import metadata
from tests.support.clinic import Clinic


def differs(
    _context: object,
    _inspected: object,
    _declared: object,
    inspected: TypeEngine[Any],
    declared: TypeEngine[Any],
) -> bool | None:
    """Compares a domain by its base type; returns None for other types, so that Alembic compares them."""
    return (
        not isinstance(declared, inspected.data_type.as_generic().__class__)
        if isinstance(inspected, DOMAIN)
        else None
    )


def test_tables_agree_with_the_migrations(clinic: Clinic) -> None:
    engine = clinic.engine()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": differs})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    # SQLAlchemy can't express exclusion constraints and partial indexes: they stand in SQL alone.
    assert [d for d in differences if d[0] not in {"remove_index", "remove_constraint"}] == []


def test_four_processes_upgrade_a_database_once(postgres: str) -> None:
    with scratch_database(postgres) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
        engines = [create_engine(url) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            steps = list(pool.map(revisions.upgrade, engines))
        for engine in engines:
            engine.dispose()
    assert sorted(len(step) for step in steps) == [0, 0, 0, len(revision_files(latest_revision()))]


def test_a_newer_database_is_refused(clinic: Clinic) -> None:
    clinic.rows("UPDATE alembic_version SET version_num = '9999_future' RETURNING 1")
    engine = clinic.engine()
    with pytest.raises(SetupError, match="newer InTurn"):
        revisions.upgrade(engine)
    engine.dispose()


@pytest.mark.parametrize("name", ["idx_unique_queue_position", "chk_positive_queue_position"])
def test_the_constraints_have_their_known_names(clinic: Clinic, name: str) -> None:
    assert clinic.rows(f"SELECT conname FROM pg_constraint WHERE conname = '{name}'")
