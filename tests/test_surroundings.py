"""Nothing outside the clone decides: what the tests are run in, however odd, and what is there again afterwards."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk_app.wall.announcer import find_player
from tests.support import surroundings
from tests.support.surroundings import HOMES

ODD = {
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
    "PGHOST": "db.example",
    "INTURN_HUB": "ws://elsewhere:1/ws",
    "QT_SCALE_FACTOR": "3",
    "INTURN_TEST_PATIENCE": "2",
}


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A machine with settings of all kinds and a player that always fails; what it set before the tests came."""
    player = tmp_path / "pw-play"
    player.write_text("#!/bin/sh\nexit 1\n")
    player.chmod(0o755)
    for name, value in ODD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    before = dict(os.environ)
    leave = surroundings.enter()
    yield before
    leave()
    assert dict(os.environ) == before


@pytest.mark.usefixtures("odd")
def test_settings_of_programs_are_gone_and_those_for_tests_stay() -> None:
    assert {name: os.environ.get(name) for name in ODD if not name.startswith(("HOME", "XDG"))} == {
        "PGHOST": None,
        "INTURN_HUB": None,
        "QT_SCALE_FACTOR": None,
        "INTURN_TEST_PATIENCE": "2",
    }


@pytest.mark.usefixtures("odd")
def test_the_home_can_be_written() -> None:
    assert all(os.access(os.environ[name], os.W_OK) for name in HOMES)


def test_a_player_that_always_fails_is_not_the_one_that_is_found(odd: dict[str, str]) -> None:
    player = find_player()
    assert subprocess.run([*player, "chime.wav"], check=False).returncode == 0
    assert subprocess.run([*player, "chime.wav"], check=False, env=odd).returncode == 1
