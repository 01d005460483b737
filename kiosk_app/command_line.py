"""The command lines of kiosk and monitor, and their life from start to end."""

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
from core.errors import InTurnError
from core.qt.app import log_changes, run
from core.qt.hub_bridge import DeviceCredentials, HubBridge, pair, trust_for
from core.qt.look.theme import Theme, ThemeMode
from kiosk_app.kiosk.kiosk_window import KioskWindow
from kiosk_app.shared.device_token import VARIABLE, find_token, keep_token
from kiosk_app.wall.monitor_window import MonitorWindow

MakeWindow = Callable[[HubBridge, argparse.Namespace, Theme], KioskWindow | MonitorWindow]
_PURPOSE = {
    "kiosk": "The kiosk: patients touch a service and get a number.",
    "monitor": "The wall monitor: who is called where, and who is next.",
}


def parser(role: str) -> argparse.ArgumentParser:
    """What may be typed after `inturn-kiosk` and `inturn-monitor`."""
    made = argparse.ArgumentParser(prog=f"inturn-{role}", description=_PURPOSE[role])
    made.add_argument(
        "--hub",
        metavar="URL[,URL]",
        help=f"address of the hub; several hubs of one clinic with commas between (default: {settings.DEFAULT_HUB})",
    )
    known = made.add_mutually_exclusive_group()
    known.add_argument(
        "--token", metavar="T", help=f"this device's token; better in {VARIABLE}: others see an option"
    )
    known.add_argument("--pair", metavar="CODE", help="exchange a code of the hub for a token, and keep it")
    made.add_argument("--windowed", action="store_true", help="in an ordinary window, not full screen")
    if role == "kiosk":
        made.add_argument(
            "--inches",
            type=float,
            metavar="N",
            help="the screen's diagonal, if it does not tell it truthfully",
        )
    return made


def token_file(role: str) -> Path:
    """Where a device's token is kept."""
    return user_config_path("inturn", appauthor=False) / f"{role}.token"


def kiosk(arguments: Sequence[str] | None = None) -> int:
    """Show the kiosk until it is stopped; the program's exit code."""

    def make(bridge: HubBridge, options: argparse.Namespace, theme: Theme) -> KioskWindow:
        return KioskWindow(bridge, windowed=options.windowed, theme=theme, inches=options.inches)

    return _main("kiosk", make, arguments)


def monitor(arguments: Sequence[str] | None = None) -> int:
    """Show the wall monitor until it is stopped; the program's exit code."""

    def make(bridge: HubBridge, options: argparse.Namespace, theme: Theme) -> MonitorWindow:
        return MonitorWindow(bridge, windowed=options.windowed, theme=theme)

    return _main("monitor", make, arguments)


def _main(role: str, make_window: MakeWindow, arguments: Sequence[str] | None) -> int:
    options = parser(role).parse_args(arguments)
    log_changes()
    try:
        found = settings.load({"hub": options.hub})
        urls = checked_addresses(found.hub)
        trust_for(urls, found.hub_ca)
        credentials = _credentials(role, urls, found.hub_ca, options)
    except InTurnError as error:
        print(error.message, file=sys.stderr)
        return 1

    def make(theme: Theme) -> tuple[HubBridge, KioskWindow | MonitorWindow]:
        # A ticket whose patient has gone meanwhile is given back: so its answer is waited for, however long.
        bridge = HubBridge(
            urls, credentials, client_name=f"inturn-{role}", patience=math.inf, ca_file=found.hub_ca
        )
        return bridge, make_window(bridge, options, theme)

    return run(lambda stop: _live(stop, make), name="InTurn")


def _credentials(role: str, urls: list[str], ca_file: str, options: argparse.Namespace) -> DeviceCredentials:
    file = token_file(role)
    if options.pair:
        credentials = asyncio.run(pair(urls, options.pair, f"inturn-{role}", ca_file=ca_file))
        keep_token(file, credentials.token)
        return credentials
    return DeviceCredentials(find_token(role, options.token, os.environ, file))


async def _live(
    stop: asyncio.Event, make: Callable[[Theme], tuple[HubBridge, KioskWindow | MonitorWindow]]
) -> int:
    """One device's life: window up, wait, clean up."""
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
