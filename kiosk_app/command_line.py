"""Command lines of the kiosk and the wall monitor: parse options, load settings, run the window until it is closed."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from platformdirs import user_config_path
from PySide6.QtWidgets import QApplication

from core import settings
from core.client.hub_address import checked_addresses
from core.entry import version
from core.errors import InTurnError, RateLimited, Unauthenticated, Unavailable
from core.qt.app import log_changes, run
from core.qt.hub_bridge import DeviceCredentials, HubBridge, pair, trust_for
from core.qt.look.theme import Theme, ThemeMode
from kiosk_app.kiosk.kiosk_window import KioskWindow
from kiosk_app.shared.device_token import VARIABLE, find_token, keep_token, require_room
from kiosk_app.wall.monitor_window import MonitorWindow

MakeWindow = Callable[[HubBridge, argparse.Namespace, Theme], KioskWindow | MonitorWindow]
_PURPOSE = {
    "kiosk": "The kiosk: patients touch a service and get a number.",
    "monitor": "The wall monitor: the numbers called, their counters, and the next numbers.",
}


def parser(role: str) -> argparse.ArgumentParser:
    """Returns the argument parser of `inturn-kiosk` (role "kiosk") or `inturn-monitor` (role "monitor")."""
    arguments = argparse.ArgumentParser(prog=f"inturn-{role}", description=_PURPOSE[role])
    arguments.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    arguments.add_argument(
        "--hub",
        metavar="URL[,URL]",
        help=f"address of the hub; several hubs of one clinic with commas between (default: {settings.DEFAULT_HUB})",
    )
    token_source = arguments.add_mutually_exclusive_group()
    token_source.add_argument(
        "--token",
        metavar="T",
        help=f"this device's token; better in {VARIABLE}: other users can read options (default: the one in "
        f"{token_file(role)})".replace("%", "%%"),
    )
    token_source.add_argument(
        "--pair", metavar="CODE", help="exchange a pairing code for a token, and store the token"
    )
    arguments.add_argument("--windowed", action="store_true", help="open an ordinary window, not full screen")
    if role == "kiosk":
        arguments.add_argument(
            "--inches",
            type=float,
            metavar="N",
            help="the screen's diagonal in inches, if the screen reports a wrong size",
        )
    return arguments


def token_file(role: str) -> Path:
    """Returns the path of the file that stores the token of this role's device."""
    return user_config_path("inturn", appauthor=False) / f"{role}.token"


def kiosk(arguments: Sequence[str] | None = None) -> int:
    """Runs the kiosk until its window closes; returns the program's exit code."""

    def make(bridge: HubBridge, options: argparse.Namespace, theme: Theme) -> KioskWindow:
        return KioskWindow(bridge, windowed=options.windowed, theme=theme, inches=options.inches)

    return _main("kiosk", make, arguments)


def monitor(arguments: Sequence[str] | None = None) -> int:
    """Runs the wall monitor until its window closes; returns the program's exit code."""

    def make(bridge: HubBridge, options: argparse.Namespace, theme: Theme) -> MonitorWindow:
        return MonitorWindow(bridge, windowed=options.windowed, theme=theme)

    return _main("monitor", make, arguments)


def _main(role: str, make_window: MakeWindow, arguments: Sequence[str] | None) -> int:
    options = parser(role).parse_args(arguments)
    log_changes()
    try:
        configured = settings.load({"hub": options.hub})
        urls = checked_addresses(configured.hub)
        trust_for(urls, configured.hub_ca)  # Raises SetupError here if the authority's file is unusable.
        credentials = _credentials(role, urls, configured.hub_ca, options)
    except InTurnError as error:
        print(error.message, file=sys.stderr)
        return 1

    def make(theme: Theme) -> tuple[HubBridge, KioskWindow | MonitorWindow]:
        # No timeout: the kiosk cancels a ticket that arrives after its patient has left, so it needs the answer.
        # A request abandoned earlier could leave such a ticket in the line.
        bridge = HubBridge(
            urls, credentials, client_name=f"inturn-{role}", patience=math.inf, ca_file=configured.hub_ca
        )
        return bridge, make_window(bridge, options, theme)

    return run(lambda stop: _live(stop, make), name="InTurn")


def _credentials(role: str, urls: list[str], ca_file: str, options: argparse.Namespace) -> DeviceCredentials:
    file = token_file(role)
    if options.pair:
        return _paired(role, urls, ca_file, options.pair)
    return DeviceCredentials(find_token(role, options.token, os.environ, file))


def _paired(role: str, urls: list[str], ca_file: str, code: str) -> DeviceCredentials:
    """Exchanges the code for a token. A computer that starts with the same code at each boot has its token already."""
    file = token_file(role)
    require_room(file)
    try:
        credentials = asyncio.run(pair(urls, code, f"inturn-{role}", role=role, ca_file=ca_file))
    except (Unauthenticated, RateLimited, Unavailable):
        if not file.exists():
            raise
        return DeviceCredentials(find_token(role, None, {}, file))
    keep_token(file, credentials.token)
    return credentials


async def _live(
    stop: asyncio.Event, make: Callable[[Theme], tuple[HubBridge, KioskWindow | MonitorWindow]]
) -> int:
    """Opens the window, waits for `stop`, then closes the window and the connection."""
    theme = Theme(ThemeMode.LIGHT)
    app = QApplication.instance()
    if isinstance(app, QApplication):
        theme.apply(app)
    bridge, window = make(theme)
    window.closed.connect(stop.set)
    bridge.start()
    window.open()
    await stop.wait()
    window.close()
    await bridge.aclose()
    return 0
