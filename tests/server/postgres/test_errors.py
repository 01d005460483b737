"""Every error is a sentence that says what happened and what to do."""

from pathlib import Path

import pytest

from core.errors import InTurnError
from server.postgres import errors

EXAMPLES = [
    errors.NoBinaries(),
    errors.WrongMajor(15, "version 18.6 in /usr/bin"),
    errors.NoClientPrograms("The database is a PostgreSQL 19", "install postgresql-client-19"),
    errors.NotEnoughDiskSpace(Path("/data")),
    errors.NotWritable(Path("/data"), "permission denied"),
    errors.DamagedCluster(Path("/data")),
    errors.LostCluster(Path("/data"), Path("/var/lib/inturn/clusters/cluster-abc")),
    errors.SocketTaken(Path("/data")),
    errors.CannotRunAsRoot(),
    errors.StartTimedOut(120, Path("/data/postgres.log")),
    errors.StartFailed(Path("/data/postgres.log"), "could not bind"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_is_a_plain_sentence(error: InTurnError) -> None:
    text = str(error)
    assert isinstance(error, errors.EmbeddedPostgresError)
    assert text == error.message
    assert text[0].isupper()
    assert text.endswith(".")
    assert "\n" not in text
    assert ". " not in text
    assert len(text) < 240


def test_every_error_has_an_example() -> None:
    assert {type(error) for error in EXAMPLES} == set(errors.EmbeddedPostgresError.__subclasses__())
