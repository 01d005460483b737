"""What a hub loads at its start: nothing of what only upgrades, administration and reports need."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from server.database import schema_revision
from server.schema import revisions
from tests.support.clinic import Clinic
from tests.support.places import ROOT

FOR_ADMINISTRATION = {"alembic", "mako", "sqlalchemy"}
_IMPORTED = re.compile(r"^import time: .*\| +([\w.]+)$", re.MULTILINE)


def packages(said: str) -> set[str]:
    """The packages that a program imported, by what `-X importtime` says."""
    return {name.partition(".")[0] for name in _IMPORTED.findall(said)}


def loaded_by_serving(*where: str) -> set[str]:
    """The packages that a hub has imported when it has listened and is stopped."""
    command = [sys.executable, "-X", "importtime", "-m", "server", "serve", "--port", "0", *where]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as hub:
        assert hub.stdout is not None
        assert hub.stderr is not None
        # The listening line comes on the other pipe: what is said of the imports must be read meanwhile.
        said = []
        for line in hub.stderr:
            said.append(line)
            if "Listening on " in line:
                hub.send_signal(signal.SIGTERM)
        assert hub.wait(20) == 0
    return packages("".join(said))


def test_a_hub_on_a_current_database_loads_nothing_of_administration(clinic: Clinic) -> None:
    loaded = loaded_by_serving("--database-url", clinic.database_url)
    assert "psycopg" in loaded
    assert loaded & FOR_ADMINISTRATION == set()


@pytest.mark.long
def test_a_hub_with_a_database_of_its_own_loads_it_only_to_make_the_schema(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "hub"))
    assert loaded_by_serving(*where) >= FOR_ADMINISTRATION
    assert loaded_by_serving(*where) & FOR_ADMINISTRATION == set()


def test_the_last_file_of_the_migrations_is_alembics_head() -> None:
    script = ScriptDirectory.from_config(revisions._configuration())
    assert script.get_current_head() == schema_revision.latest_revision()
    assert {revision.revision for revision in script.walk_revisions()} == {
        file.stem for file in (schema_revision.MIGRATIONS / "versions").glob("[0-9]*.py")
    }
