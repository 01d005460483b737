"""Command line of the console: parse options, load settings, run the window until it is closed."""

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
from core.entry import version
from core.errors import SetupError
from core.qt.app import log_changes, run
from core.qt.hub_bridge import HubBridge, trust_for
from core.qt.look.theme import Theme

PATIENCE_SECONDS = 10.0
"""Seconds until a request fails. A call that took effect later would call a patient whom staff no longer expect."""


def parser() -> argparse.ArgumentParser:
    """Returns the argument parser of `inturn-admin`."""
    arguments = argparse.ArgumentParser(
        prog="inturn-admin", description="The console of staff: sign in, choose a counter, call patients."
    )
    arguments.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    arguments.add_argument(
        "--hub",
        metavar="URL[,URL]",
        help=f"address of the hub; several hubs of one clinic with commas between (default: {settings.DEFAULT_HUB})",
    )
    return arguments


def settings_file() -> QSettings:
    """Opens the file that stores the chosen counter, the window's geometry and the column widths."""
    folder = Path(platformdirs.user_config_dir("inturn", appauthor=False))
    return QSettings(str(folder / "console.ini"), QSettings.Format.IniFormat)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the console until its window closes; returns the program's exit code."""
    given = parser().parse_args(arguments)
    log_changes()
    try:
        configured = settings.load({"hub": given.hub})
        hubs = checked_addresses(configured.hub)
        trust_for(hubs, configured.hub_ca)  # Raises SetupError here if the authority's file is unusable.
    except SetupError as error:
        print(error.message, file=sys.stderr)
        return 1
    return run(lambda stop: live(stop, hubs, configured.hub_ca), name="InTurn")


async def live(stop: asyncio.Event, hubs: list[str], ca_file: str = "") -> int:
    """Opens the window, waits for `stop`, then closes the window and the connection."""
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
