"""Runs a window program: QApplication and asyncio on one event loop, and a clean exit.

Closing the last window does not end the program; it ends when its main coroutine returns. The coroutine gets an event
that SIGTERM, SIGINT or the window itself sets; it then cleans up and returns the exit code. Qt's own `quit()` is not
used: a window that ignores its closeEvent, as the kiosk's does, would veto it.
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
    """Runs `main(stop)` until it returns; returns its exit code, 1 after an exception.

    Args:
        main: builds the windows, waits for `stop` and cleans up.
        name: name of the application, as the desktop shows it.
        arguments: Qt's arguments, e.g. ["-platform", "offscreen"]; None: Qt reads only its environment.
    """
    if not arguments and QApplication.instance() is None and not has_screen(sys.platform, os.environ):
        print(NO_SCREEN, file=sys.stderr)
        return 1
    app = make_application(name, arguments)
    gc.freeze()
    with (
        _exceptions_logged(),
        garbage_collected_here(),
        asyncio.Runner(loop_factory=lambda: QEventLoop(app)) as runner,
    ):
        try:
            return runner.run(_until_done(main))
        except KeyboardInterrupt:
            return 130
        except Exception:
            log.exception("%s ended by an unhandled exception.", name)
            return 1


def log_changes() -> None:
    """Logs warnings and each change's key to standard error; the hub's log has the same key."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("core.client.answers").setLevel(logging.INFO)


def has_screen(platform: str, environment: Mapping[str, str]) -> bool:
    """Whether Qt will find a display; without a display Qt aborts the process."""
    if not platform.startswith("linux"):
        return True
    return any(environment.get(name) for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"))


def make_application(name: str, arguments: list[str] | None = None) -> QApplication:
    """Returns the process's only QApplication, set up so that closing all windows does not end the program."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication([name, *(arguments or [])])
    app.setApplicationName(name)
    app.setDesktopFileName(name.lower())
    app.setQuitOnLastWindowClosed(False)
    return app


@contextmanager
def garbage_collected_here() -> Iterator[None]:
    """Makes Python collect garbage in this thread only, by a timer of its Qt loop.

    By default Python collects in the thread that happens to allocate. In a worker thread that would destroy timers
    and socket notifiers that belong to the Qt thread, and Qt would crash.
    """
    timer = QTimer(interval=COLLECT_MILLISECONDS)
    timer.timeout.connect(_collect_due_generations)
    timer.start()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        timer.stop()


def _collect_due_generations() -> None:
    counts = zip(gc.get_count(), gc.get_threshold(), strict=True)
    due = [generation for generation, (count, threshold) in enumerate(counts) if count > threshold]
    if due:
        gc.collect(max(due))


async def _until_done(main: Main) -> int:
    stop = asyncio.Event()
    with _stopped_by_signals(stop):
        return await main(stop)


@contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    if sys.platform == "win32":
        # No signal wakes the loop on Windows: Ctrl+C takes effect at the next event, by Python's own handler.
        yield
        return
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextmanager
def _exceptions_logged() -> Iterator[None]:
    """Logs an exception raised in a slot; the window keeps running and shows no traceback."""

    def log_exception(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        log.critical("A fault of this program:", exc_info=(kind, fault, trace))

    former = sys.excepthook
    sys.excepthook = log_exception
    try:
        yield
    finally:
        sys.excepthook = former
