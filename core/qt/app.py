"""How every window program lives: QApplication and asyncio on one loop, and a clean end.

The window's last close does not end the program; its coroutine does, when it returns. It is given an event that is
set when somebody asks the program to stop (SIGTERM, SIGINT, or the window itself), cleans up and returns the exit
code. Qt's own `quit()` is not used: a window that ignores its closeEvent, as the kiosk's does, would veto it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType

import PySide6  # noqa: F401 - qasync takes the binding that is imported first
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

log = logging.getLogger(__name__)

COLLECT_MILLISECONDS = 500
NO_SCREEN = "There is no screen here. Start this program in a desktop session, or set DISPLAY to the one it should use."

Main = Callable[[asyncio.Event], Awaitable[int]]


def run(main: Main, *, name: str = "InTurn", arguments: list[str] | None = None) -> int:
    """Runs `main(stop)` to its end and returns its exit code; 1 when it failed.

    Args:
        main: builds its windows, waits for `stop` and cleans up after itself.
        name: of the application, as the desktop shows it.
        arguments: Qt's own, e.g. ["-platform", "offscreen"]; otherwise Qt reads its environment only.
    """
    if not arguments and QApplication.instance() is None and not has_screen(sys.platform, os.environ):
        print(NO_SCREEN, file=sys.stderr)
        return 1
    app = make_application(name, arguments)
    gc.freeze()
    with (
        _faults_logged(),
        garbage_collected_here(),
        asyncio.Runner(loop_factory=lambda: QEventLoop(app)) as runner,
    ):
        try:
            return runner.run(_until_done(main))
        except KeyboardInterrupt:
            return 130
        except Exception:
            log.exception("%s has ended by a fault of its own.", name)
            return 1


def log_changes() -> None:
    """Tells standard error of warnings, and of each change with its key, by which the hub's log goes on."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("core.client.answers").setLevel(logging.INFO)


def has_screen(platform: str, environment: Mapping[str, str]) -> bool:
    """Whether Qt will find something to draw on; without it, it would abort the process."""
    if not platform.startswith("linux"):
        return True
    return any(environment.get(name) for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"))


def make_application(name: str, arguments: list[str] | None = None) -> QApplication:
    """The process's one QApplication, set up for windows that may all be closed while the program lives."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication([name, *(arguments or [])])
    app.setApplicationName(name)
    app.setDesktopFileName(name.lower())
    app.setQuitOnLastWindowClosed(False)
    return app


@contextmanager
def garbage_collected_here() -> Iterator[None]:
    """Python collects garbage in this thread only, while its Qt loop turns.

    By itself it collects in whichever thread happens to allocate. On a worker's thread that destroys timers and
    notifiers of sockets which belong to this one, and Qt dies of it.
    """
    timer = QTimer(interval=COLLECT_MILLISECONDS)
    timer.timeout.connect(_collect_what_is_due)
    timer.start()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        timer.stop()


def _collect_what_is_due() -> None:
    due = [
        at
        for at, (count, most) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True))
        if count > most
    ]
    if due:
        gc.collect(max(due))


async def _until_done(main: Main) -> int:
    stop = asyncio.Event()
    with _signals_set(stop):
        return await main(stop)


@contextmanager
def _signals_set(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    asked = (signal.SIGTERM, signal.SIGINT)
    if sys.platform == "win32":
        # No signal wakes a Windows loop; Ctrl+C arrives with the next event, as Python's own handler has it.
        yield
        return
    for each in asked:
        loop.add_signal_handler(each, stop.set)
    try:
        yield
    finally:
        for each in asked:
            loop.remove_signal_handler(each)


@contextmanager
def _faults_logged() -> Iterator[None]:
    """A fault in a slot is logged and the window lives on; nobody is shown a traceback."""

    def log_fault(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        log.critical("A fault of this program:", exc_info=(kind, fault, trace))

    former = sys.excepthook
    sys.excepthook = log_fault
    try:
        yield
    finally:
        sys.excepthook = former
