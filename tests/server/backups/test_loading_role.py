"""Whose account restores: an owner that is no superuser, with the role or the right to create it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from sqlalchemy import Engine, create_engine, make_url

from core.errors import SetupError
from server.schema import revisions
from server.schema.backup import write_backup
from tests.support.backups import restore_file, what_is_wrong
from tests.support.old_clinics import OldClinic, bare, server

__all__ = ["bare", "server"]


@pytest.fixture
def owner(bare: OldClinic, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A clinic whose database an account with the options of the parameter owns."""
    name = f"owner_{token_hex(4)}"
    database = make_url(bare.url).database
    bare.rows("DO $$BEGIN CREATE ROLE inturn_restore; EXCEPTION WHEN duplicate_object THEN END$$")
    bare.rows("ALTER ROLE inturn_restore RENAME TO was_restore")
    bare.rows(f"CREATE ROLE {name} LOGIN {request.param}; ALTER DATABASE {database} OWNER TO {name}")
    engine = create_engine(make_url(bare.url).set(username=name))
    revisions.upgrade(engine)
    yield engine
    engine.dispose()
    bare.rows("DROP ROLE IF EXISTS inturn_restore")
    bare.rows("ALTER ROLE was_restore RENAME TO inturn_restore")
    bare.rows(f"ALTER DATABASE {database} OWNER TO CURRENT_USER; REASSIGN OWNED BY {name} TO CURRENT_USER")
    bare.rows(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.parametrize("owner", ["CREATEROLE"], indirect=True)
def test_an_owner_that_may_create_roles_restores(owner: Engine, tmp_path: Path) -> None:
    write_backup(owner, tmp_path / "b")
    for _ in range(2):
        restore_file(owner, tmp_path / "b")
    assert what_is_wrong(owner) == []


@pytest.mark.parametrize("owner", [""], indirect=True)
def test_an_owner_without_the_role_is_told_what_to_run(
    bare: OldClinic, owner: Engine, tmp_path: Path
) -> None:
    write_backup(owner, tmp_path / "b")
    with pytest.raises(
        SetupError, match="A superuser should run: CREATE ROLE inturn_restore; GRANT"
    ) as refused:
        restore_file(owner, tmp_path / "b")
    create, grant = refused.value.message.partition("run: ")[2].split("; ")[:2]
    bare.rows(f"{create}; {grant}")
    restore_file(owner, tmp_path / "b")
    bare.rows(f"REVOKE inturn_restore FROM {owner.url.username}")
    with pytest.raises(SetupError, match="GRANT"):
        restore_file(owner, tmp_path / "b")
