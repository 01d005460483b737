"""Migrations: complete, repeatable, safe when several processes adopt one cluster, and what `tables` says."""

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
from server.schema import revisions
from server.schema.tables import metadata
from tests.support.clinic import Clinic


def differs(
    _context: object, _inspected: object, _told: object, inspected: TypeEngine[Any], told: TypeEngine[Any]
) -> bool | None:
    """A domain is the type below it; else None: Alembic's own comparison."""
    return (
        not isinstance(told, inspected.data_type.as_generic().__class__)
        if isinstance(inspected, DOMAIN)
        else None
    )


def test_tables_say_what_the_migrations_make(clinic: Clinic) -> None:
    engine = clinic.engine()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": differs})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    # Indexes and constraints are written in SQL alone: exclusion and partial ones have no words in SQLAlchemy.
    assert [d for d in differences if d[0] not in {"remove_index", "remove_constraint"}] == []


def test_four_processes_upgrade_one_database_once(postgres: str) -> None:
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
    assert sorted(len(step) for step in steps) == [0, 0, 0, 2]


def test_a_newer_database_is_refused(clinic: Clinic) -> None:
    clinic.rows("UPDATE alembic_version SET version_num = '9999_future' RETURNING 1")
    engine = clinic.engine()
    with pytest.raises(SetupError, match="newer InTurn"):
        revisions.upgrade(engine)
    engine.dispose()


@pytest.mark.parametrize("name", ["idx_unique_queue_position", "chk_positive_queue_position"])
def test_the_constraints_have_their_known_names(clinic: Clinic, name: str) -> None:
    assert clinic.rows(f"SELECT conname FROM pg_constraint WHERE conname = '{name}'")
