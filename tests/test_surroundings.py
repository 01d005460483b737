"""`surroundings.enter` shields the tests from foreign settings, and restores the environment afterwards."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk_app.wall.announcer import find_player
from tests.support import surroundings
from tests.support.surroundings import HOMES

FOREIGN_SETTINGS = {
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
    "PGHOST": "db.example",
    "INTURN_HUB": "ws://elsewhere:1/ws",
    "QT_SCALE_FACTOR": "3",
    "INTURN_TEST_PATIENCE": "2",
}


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Enters the surroundings of a machine with foreign settings and a failing player; yields its environment."""
    player = tmp_path / "pw-play"
    player.write_text("#!/bin/sh\nexit 1\n")
    player.chmod(0o755)
    for name, value in FOREIGN_SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    before = dict(os.environ)
    leave = surroundings.enter()
    yield before
    leave()
    assert dict(os.environ) == before


@pytest.mark.usefixtures("foreign")
def test_settings_of_programs_are_removed_and_settings_of_tests_stay() -> None:
    assert {
        name: os.environ.get(name) for name in FOREIGN_SETTINGS if not name.startswith(("HOME", "XDG"))
    } == {
        "PGHOST": None,
        "INTURN_HUB": None,
        "QT_SCALE_FACTOR": None,
        "INTURN_TEST_PATIENCE": "2",
    }


@pytest.mark.usefixtures("foreign")
def test_the_home_can_be_written() -> None:
    assert all(os.access(os.environ[name], os.W_OK) for name in HOMES)


def test_a_failing_player_of_the_machine_is_not_found(foreign: dict[str, str]) -> None:
    player = find_player()
    assert subprocess.run([*player, "chime.wav"], check=False).returncode == 0
    assert subprocess.run([*player, "chime.wav"], check=False, env=foreign).returncode == 1
