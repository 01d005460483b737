"""The console's command line and its life from start to end."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from admin_app.window.console_window import ConsoleWindow
from core import settings
from core.client.hub_address import checked_addresses
from core.errors import SetupError
from core.qt.app import log_changes, run
from core.qt.hub_bridge import HubBridge, trust_for
from core.qt.look.theme import Theme

PATIENCE_SECONDS = 10.0
"""A call that comes later surprises everybody: after so long a person is told, and looks at the line."""


def parser() -> argparse.ArgumentParser:
    """What may be typed after `inturn-admin`."""
    made = argparse.ArgumentParser(
        prog="inturn-admin", description="The console of staff: sign in, choose a counter, call patients."
    )
    made.add_argument(
        "--hub",
        metavar="URL[,URL]",
        help=f"address of the hub; several hubs of one clinic with commas between (default: {settings.DEFAULT_HUB})",
    )
    return made


def settings_file() -> QSettings:
    """Where the console remembers its counter, its window's place and its columns."""
    folder = Path(platformdirs.user_config_dir("inturn", appauthor=False))
    return QSettings(str(folder / "console.ini"), QSettings.Format.IniFormat)


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the console until its window is closed; the program's exit code."""
    given = parser().parse_args(arguments)
    log_changes()
    try:
        found = settings.load({"hub": given.hub})
        hubs = checked_addresses(found.hub)
        trust_for(hubs, found.hub_ca)
    except SetupError as error:
        print(error.message, file=sys.stderr)
        return 1
    return run(lambda stop: live(stop, hubs, found.hub_ca), name="InTurn")


async def live(stop: asyncio.Event, hubs: list[str], ca_file: str = "") -> int:
    """One console's life: window up, wait, clean up."""
    theme = Theme()
    app = QApplication.instance()
    if isinstance(app, QApplication):
        theme.apply(app)
    bridge = HubBridge(hubs, client_name="inturn-admin", patience=PATIENCE_SECONDS, ca_file=ca_file)
    bridge.start()
    window = ConsoleWindow(theme, bridge, settings_file())
    window.closed.connect(stop.set)
    window.show()
    await stop.wait()
    window.close()
    await bridge.aclose()
    return 0
