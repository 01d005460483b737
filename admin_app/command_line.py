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

from admin_app.console_window import ConsoleWindow
from core import settings
from core.errors import SetupError
from core.hub_address import checked_addresses
from core.qt.app import run
from core.qt.hub_bridge import HubBridge
from core.qt.theme import Theme


def parser() -> argparse.ArgumentParser:
    """What may be typed after `inturn-admin`."""
    made = argparse.ArgumentParser(
        prog="inturn-admin", description="The console of staff: sign in, choose a counter, call patients."
    )
    made.add_argument("--hub", metavar="URL", help=f"address of the hub (default: {settings.DEFAULT_HUB})")
    return made


def settings_file() -> QSettings:
    """Where the console remembers its counter, its window's place and its columns."""
    folder = Path(platformdirs.user_config_dir("inturn", appauthor=False))
    return QSettings(str(folder / "console.ini"), QSettings.Format.IniFormat)


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the console until its window is closed; the program's exit code."""
    given = parser().parse_args(arguments)
    try:
        [hub] = checked_addresses(settings.load({"hub": given.hub}).hub)
    except SetupError as error:
        print(error.message, file=sys.stderr)
        return 1
    return run(lambda stop: live(stop, hub), name="InTurn")


async def live(stop: asyncio.Event, hub: str) -> int:
    """One console's life: window up, wait, clean up."""
    theme = Theme()
    app = QApplication.instance()
    if isinstance(app, QApplication):
        theme.apply(app)
    bridge = HubBridge(hub, client_name="inturn-admin")
    bridge.start()
    window = ConsoleWindow(theme, bridge, settings_file())
    window.closed.connect(stop.set)
    window.show()
    await stop.wait()
    window.close()
    await bridge.aclose()
    return 0
