"""Every error is one sentence that says what happened and what to do."""

from pathlib import Path

import pytest

from core.errors import InTurnError
from server.postgres import errors

SAID = [
    errors.NoBinaries(),
    errors.WrongMajor(15, "version 18.6 in /usr/bin"),
    errors.NotEnoughDiskSpace(Path("/data")),
    errors.NotWritable(Path("/data"), "permission denied"),
    errors.DamagedCluster(Path("/data")),
    errors.LostCluster(Path("/data"), Path("/var/lib/inturn/clusters/cluster-abc")),
    errors.SocketTaken(Path("/data")),
    errors.CannotRunAsRoot(),
    errors.StartTimedOut(120, Path("/data/postgres.log")),
    errors.StartFailed(Path("/data/postgres.log"), "could not bind"),
]


@pytest.mark.parametrize("error", SAID, ids=lambda error: type(error).__name__)
def test_it_is_one_plain_sentence(error: InTurnError) -> None:
    text = str(error)
    assert isinstance(error, errors.EmbeddedPostgresError)
    assert text == error.message
    assert text[0].isupper()
    assert text.endswith(".")
    assert "\n" not in text
    assert ". " not in text
    assert len(text) < 240


def test_none_is_forgotten_here() -> None:
    assert {type(error) for error in SAID} == set(errors.EmbeddedPostgresError.__subclasses__())
