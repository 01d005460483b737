"""The environment of the tests: a home, a PATH and variables of their own, so that nothing outside the clone decides.

Language, time zone and umask stay as they are: the programs must be right with any.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from kiosk_app.wall.announcer import PLAYERS
from server.postgres.binaries import BIN_VARIABLE
from tests.support.places import ROOT

FOREIGN = ("INTURN_", "PG", "QT_")
"""Prefixes of settings of the programs, of PostgreSQL's and of Qt: they are removed."""
OURS = (BIN_VARIABLE, "INTURN_PROVE", "INTURN_TEST_PATIENCE", "INTURN_TEST_PLATFORM")
"""Variables that may be set for a run of the tests."""
HOMES = {
    "HOME": "",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_CACHE_HOME": ".cache",
    "XDG_STATE_HOME": ".local/state",
}
SILENT_PLAYER = "#!/bin/sh\nexit 0\n"
"""A real player would fail without a sound server, and the wall would log that."""


def enter() -> Callable[[], None]:
    """Replaces the environment for this process and its children; returns a function that restores it."""
    before = dict(os.environ)
    folder = Path(tempfile.mkdtemp(prefix="inturn-tests-"))
    folder.chmod(0o755)
    for name in list(os.environ):
        if name.startswith(FOREIGN) and name not in OURS:
            del os.environ[name]
    for name, place in HOMES.items():
        os.environ[name] = str(folder / "home" / place)
        (folder / "home" / place).mkdir(parents=True, exist_ok=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_own_temporary_folder())
    os.environ["PATH"] = os.pathsep.join([str(_silent_players(folder)), before.get("PATH", os.defpath)])
    # A developer's screen would otherwise flash with windows, and a build machine has none.
    os.environ["QT_QPA_PLATFORM"] = os.environ.get("INTURN_TEST_PLATFORM", "offscreen")

    def leave() -> None:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)

    return leave


def _own_temporary_folder() -> Path:
    """Where pytest keeps the folders of this clone's last runs; elsewhere other runs would clean up among them.

    Its name is short: sockets lie below it.
    """
    named = hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]
    folder = Path(tempfile.gettempdir()) / f"it-{named}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _silent_players(folder: Path) -> Path:
    players = folder / "players"
    players.mkdir()
    for name, *_ in PLAYERS:
        (players / name).write_text(SILENT_PLAYER)
        (players / name).chmod(0o755)
    return players
