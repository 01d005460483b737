"""A database of an unreleased InTurn is refused in a sentence and left unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SetupError
from server.checks.database_health import schema_findings
from server.schema import own_database, revisions
from server.schema.backup import write_backup
from server.schema.upgrade import Upgrade, upgrade_database
from tests.support.backups import restore_file
from tests.support.clinic import Clinic
from tests.support.old_clinics import OldClinic, bare, server

__all__ = ["bare", "server"]

UNRELEASED = ["0001_initial", "0002_add_queue_constraints", "0004_every_operation", "0005_hub_role"]
"""Revisions before the first release; two of them have the names of released revisions."""
WITHOUT_FINGERPRINTS = """
DROP TABLE installed_schema, installed_functions;
DROP FUNCTION schema_revision;
CREATE FUNCTION schema_revision() RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(version_num) FROM alembic_version';
"""


@pytest.fixture(params=UNRELEASED)
def unreleased(bare: OldClinic, request: pytest.FixtureRequest) -> OldClinic:
    """A database that records no fingerprints."""
    revisions.upgrade(bare.engine)
    bare.rows(f"UPDATE alembic_version SET version_num = '{request.param}'; {WITHOUT_FINGERPRINTS}")
    return bare


def test_every_entry_point_refuses_an_unreleased_database(unreleased: OldClinic, tmp_path: Path) -> None:
    before = unreleased.everything()
    entry_points = (
        lambda: own_database.prepare(unreleased.url, own=None),
        lambda: own_database.prepare(unreleased.url, own=tmp_path),
        lambda: upgrade_database(unreleased.engine, Upgrade(tmp_path)),
    )
    for entry_point in entry_points:
        with pytest.raises(
            SetupError, match=r"unreleased InTurn \(its schema is 000.*\).* Begin with a new database"
        ):
            entry_point()
    with unreleased.engine.connect() as connection:
        [finding] = schema_findings(connection)
    assert "made by an unreleased InTurn" in finding.text
    assert unreleased.everything() == before


def test_a_backup_of_an_unreleased_database_is_not_restored(
    unreleased: OldClinic, clinic: Clinic, tmp_path: Path
) -> None:
    write_backup(unreleased.engine, tmp_path / "backup")
    engine = clinic.engine()
    with pytest.raises(SetupError, match=r"backup was made by an unreleased InTurn.* Nothing was changed"):
        restore_file(engine, tmp_path / "backup")
    engine.dispose()
    own_database.prepare(clinic.database_url, own=None)
    assert clinic.rows("SELECT count(*) FROM services") == [(3,)]


def test_a_database_of_an_edited_revision_is_refused(clinic: Clinic) -> None:
    clinic.rows("UPDATE installed_schema SET tables_fingerprint = 'as it was before' RETURNING 1")
    engine = clinic.engine()
    with pytest.raises(SetupError, match="unreleased InTurn"):
        revisions.upgrade(engine)
    engine.dispose()


def test_a_newer_database_is_refused_at_the_start_of_a_hub(clinic: Clinic) -> None:
    clinic.rows("UPDATE alembic_version SET version_num = '9999_future' RETURNING 1")
    with pytest.raises(SetupError, match=r"newer InTurn \(its schema is 9999_future\)"):
        own_database.prepare(clinic.database_url, own=None)
