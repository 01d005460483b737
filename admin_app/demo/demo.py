"""`inturn-demo`: a whole clinic to try, deleted when it is closed. See `inturn-demo --help`.

The composition root: the only module that imports both apps and the hub. The hub runs in its own process on a
temporary data directory. The windows are the real ones, connected with real tokens. `demo_day` moves the patients,
`demo_story` holds the steps of the tour.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMessageLogContext, QSettings, QtMsgType, qInstallMessageHandler
from sqlalchemy import text

from admin_app.demo import demo_day, demo_hands
from admin_app.demo.demo_hub import DemoHub
from admin_app.demo.demo_pictures import Album
from admin_app.demo.demo_stage import Stage, show_side_by_side
from admin_app.demo.demo_tour import tour
from admin_app.window.console_window import ConsoleWindow
from core.client.hub_client import HubClient
from core.entry import version
from core.errors import HubError, SetupError
from core.qt.app import make_application, run
from core.qt.hub_bridge import DeviceCredentials, HubBridge, PersonCredentials
from core.qt.look.theme import Theme, ThemeMode
from core.settings import Settings
from kiosk_app.kiosk.kiosk_window import KioskWindow
from kiosk_app.wall.monitor_window import MonitorWindow
from server.administration import clinic_settings, people_and_devices
from server.cli.command_database import current_engine
from server.postgres.placement import discard

USER, COLLEAGUE, RECEPTION = "R. Meyer", "J. Novak", "Reception"
SERVICES = (
    ("A", "See a doctor", "stethoscope"),
    ("B", "Blood tests", "test-tube"),
    ("P", "Pharmacy", "pill"),
)
COUNTERS = (("1", "Counter 1", ["A", "B", "P"]), ("2", "Counter 2", ["B", "P"]))


@dataclass(frozen=True)
class Passes:
    """Credentials of this run: the token of each device, and the password of all users."""

    kiosk: str
    monitor: str
    password: str


def main() -> int:
    """Runs the demo or the tour; returns the exit code."""
    options = parser().parse_args()
    if not _has_screen():
        if options.tour is None:
            print(
                "There is no screen here. `inturn-demo --tour DIR` plays the demo's story into pictures.",
                file=sys.stderr,
            )
            return 1
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    if os.environ.get("QT_QPA_PLATFORM", "").startswith("offscreen"):
        qInstallMessageHandler(_print_qt_message)
    return run(lambda stop: _until_stopped(_demo(stop, options.tour), stop), name="InTurn demo")


def parser() -> argparse.ArgumentParser:
    """Returns the argument parser of `inturn-demo`."""
    arguments = argparse.ArgumentParser(
        prog="inturn-demo",
        description="A clinic to try: kiosk, wall monitor and console on a hub of their own, with a stream of patients. "
        "Nothing of it stays.",
    )
    arguments.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    arguments.add_argument(
        "--tour",
        metavar="DIR",
        type=Path,
        help="play the story in under a minute, check it, and leave pictures in DIR",
    )
    return arguments


async def _demo(stop: asyncio.Event, folder: Path | None) -> int:
    try:
        album = Album(folder) if folder is not None else None
        with tempfile.TemporaryDirectory(prefix="inturn-demo-", ignore_cleanup_errors=True) as name:
            own = Path(name)
            async with (
                _clinic(own) as (hub, passes),
                _stage(hub, passes, own, stop, album is not None) as stage,
            ):
                return await (_live(stage) if album is None else tour(stage, album))
    except (SetupError, HubError) as error:
        print(error.message, file=sys.stderr)
    except OSError as error:
        print(f"The demo can't run: {error}.", file=sys.stderr)
    return 1


async def _live(stage: Stage) -> int:
    """Runs the clinic with its simulated patients and colleague until it is cancelled."""
    show_side_by_side(stage)
    await _sign_in_and_take_a_counter(stage)
    print(
        "The demo is running. Touch a service on the kiosk, press F2 in the console, and look at the monitor.\n"
        f"The console is signed in as {stage.user}, password {stage.password}\n"
        "Ctrl-C here, or closing the console, ends everything and leaves nothing behind.",
        flush=True,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(demo_day.issue_tickets(stage.reception))
        tasks.create_task(demo_day.call_patients(stage.colleague))
    return 0


async def _sign_in_and_take_a_counter(stage: Stage) -> None:
    """Signs in by simulated input. It gives up if the user has closed or used the window meanwhile."""
    with contextlib.suppress(demo_hands.NotSeen):
        await demo_hands.sign_in(stage.console, stage.user, stage.password)
        demo_hands.touch(await demo_hands.usable(stage.console, f"counter_{COUNTERS[0][0]}"))
        await demo_hands.bring_to_front(stage.console)


@asynccontextmanager
async def _clinic(own: Path) -> AsyncIterator[tuple[DemoHub, Passes]]:
    """Yields a furnished hub on an empty data directory; on exit ends it and removes its database."""
    hub = DemoHub(own)
    try:
        await hub.start()
        yield hub, furnish(hub.data)
    finally:
        await hub.stop()
        discard(hub.data)


def furnish(data: Path) -> Passes:
    """Creates site, services, counters, users and devices through the functions behind `inturn-hub`."""
    password = secrets.token_urlsafe(9)
    with current_engine(Settings(data_dir=str(data))) as engine:
        clinic_settings.set_site(engine, {"name": "Northgate Clinic", "time_zone": "UTC"})
        for code, name, icon in SERVICES:
            people_and_devices.add_service(engine, code, name, None, icon)
        for code, name, serves in COUNTERS:
            people_and_devices.add_counter(engine, code, name, serves)
        for user, role in ((USER, "staff"), (COLLEAGUE, "staff"), (RECEPTION, "supervisor")):
            people_and_devices.add_user(engine, user, role, password)
        kiosk = people_and_devices.add_device(engine, "Entrance", "kiosk")
        return Passes(kiosk, people_and_devices.add_device(engine, "Main hall", "monitor"), password)


@asynccontextmanager
async def _stage(
    hub: DemoHub, passes: Passes, own: Path, stop: asyncio.Event, for_pictures: bool
) -> AsyncIterator[Stage]:
    """Yields the connected windows on a morning with patients. `for_pictures`: light theme, no pulsing."""
    theme = Theme(ThemeMode.LIGHT) if for_pictures else Theme()
    theme.apply(make_application("InTurn demo"))
    wall_theme = Theme(ThemeMode.LIGHT, reduce_motion=for_pictures or None)
    settings = QSettings(str(own / "console.ini"), QSettings.Format.IniFormat)
    async with _client(hub, RECEPTION, passes) as reception, _client(hub, COLLEAGUE, passes) as colleague:
        _backdate_tickets(hub.data, await demo_day.open_the_day(reception, colleague))
        bridges = _bridges(hub.url, passes)
        kiosk = KioskWindow(bridges[0], windowed=True)
        monitor = MonitorWindow(bridges[1], windowed=True, theme=wall_theme)
        console = ConsoleWindow(theme, bridges[2], settings)
        console.closed.connect(stop.set)
        for bridge in bridges:
            bridge.start()
        try:
            yield Stage(kiosk, monitor, console, hub, reception, colleague, USER, passes.password)
        finally:
            console.closed.disconnect(stop.set)
            monitor.announcer.stop()
            for window in (kiosk, monitor, console):
                window.close()
            await asyncio.gather(*(bridge.aclose() for bridge in bridges))


def _bridges(url: str, passes: Passes) -> list[HubBridge]:
    return [
        HubBridge(url, DeviceCredentials(passes.kiosk), client_name="inturn-kiosk"),
        HubBridge(url, DeviceCredentials(passes.monitor), client_name="inturn-monitor"),
        HubBridge(url, client_name="inturn-admin"),
    ]


def _client(hub: DemoHub, name: str, passes: Passes) -> HubClient:
    return HubClient(
        hub.url, PersonCredentials(name, passes.password), client_name="inturn-demo", follow=False
    )


def _backdate_tickets(data: Path, minutes: dict[str, float]) -> None:
    """Backdates the first tickets directly in the demo's database, so that the windows show waits.

    `minutes` maps a ticket's id to the minutes by which its times move into the past.
    """
    times = ("joined_at", "rank_time", "called_at", "started_at", "ended_at")
    shifts = ", ".join(f"{time} = {time} - :minutes * interval '1 minute'" for time in times)
    earlier = text(f"UPDATE tickets SET {shifts} WHERE id = CAST(:id AS uuid)")
    with current_engine(Settings(data_dir=str(data))) as engine, engine.begin() as connection:
        connection.execute(earlier, [{"id": ticket, "minutes": ago} for ticket, ago in minutes.items()])


async def _until_stopped(work: Coroutine[Any, Any, int], stop: asyncio.Event) -> int:
    """Returns the result of `work`, or 0 if `stop` was set: then cancels `work` and waits for its clean-up."""
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGHUP, stop.set)  # sent when the terminal closes
    working, stopping = loop.create_task(work), loop.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (working, stopping):
        task.cancel()
    await asyncio.wait({working, stopping})
    return 0 if working.cancelled() else working.result()


def _has_screen() -> bool:
    platform = os.environ.get("QT_QPA_PLATFORM")
    return bool(
        platform or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ) or sys.platform in (
        "darwin",
        "win32",
    )


def _print_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Prints Qt's messages, except the notices that the offscreen platform repeats about missing features."""
    if not message.startswith("This plugin does not support"):
        print(message, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
