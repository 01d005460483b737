"""The command lines of kiosk and monitor, and their life from start to end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from platformdirs import user_config_path
from PySide6.QtWidgets import QApplication

from core import settings
from core.errors import InTurnError
from core.hub_address import checked_addresses
from core.qt.app import run
from core.qt.hub_bridge import DeviceCredentials, HubBridge, pair
from core.qt.theme import Mode, Theme
from kiosk_app.device_token import VARIABLE, find_token, keep_token
from kiosk_app.kiosk_window import KioskWindow
from kiosk_app.monitor_window import MonitorWindow

MakeWindow = Callable[[HubBridge, argparse.Namespace, Theme], KioskWindow | MonitorWindow]
_PURPOSE = {
    "kiosk": "The kiosk: patients touch a service and get a number.",
    "monitor": "The wall monitor: who is called where, and who is next.",
}


def parser(role: str) -> argparse.ArgumentParser:
    """What may be typed after `inturn-kiosk` and `inturn-monitor`."""
    made = argparse.ArgumentParser(prog=f"inturn-{role}", description=_PURPOSE[role])
    made.add_argument("--hub", metavar="URL", help=f"address of the hub (default: {settings.DEFAULT_HUB})")
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
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        [url] = checked_addresses(settings.load({"hub": options.hub}).hub)
        credentials = _credentials(role, url, options)
    except InTurnError as error:
        print(error.message, file=sys.stderr)
        return 1

    def make(theme: Theme) -> tuple[HubBridge, KioskWindow | MonitorWindow]:
        bridge = HubBridge(url, credentials, client_name=f"inturn-{role}")
        return bridge, make_window(bridge, options, theme)

    return run(lambda stop: _live(stop, make), name="InTurn")


def _credentials(role: str, url: str, options: argparse.Namespace) -> DeviceCredentials:
    file = token_file(role)
    if options.pair:
        credentials = asyncio.run(pair(url, options.pair, f"inturn-{role}"))
        keep_token(file, credentials.token)
        return credentials
    return DeviceCredentials(find_token(role, options.token, os.environ, file))


async def _live(
    stop: asyncio.Event, make: Callable[[Theme], tuple[HubBridge, KioskWindow | MonitorWindow]]
) -> int:
    """One device's life: window up, wait, clean up."""
    theme = Theme(Mode.LIGHT)
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
