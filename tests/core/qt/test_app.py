"""A program from start to exit code, each in a process of its own: a process has a single QApplication."""

import os
import signal
import subprocess
import sys
import threading
import weakref
from textwrap import dedent
from typing import Any

import pytest

from core.qt.app import garbage_collected_here, has_screen
from tests.support.places import ROOT
from tests.support.waiting import WAIT_MILLISECONDS, WAIT_SECONDS

PREAMBLE = """
import asyncio, os, signal, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
from core.qt.app import run
"""

QASYNC_ON_3_14 = "ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning:qasync"
"""As in pyproject.toml."""


def start(body: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-Werror", f"-W{QASYNC_ON_3_14}", "-c", PREAMBLE + dedent(body)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=WAIT_SECONDS)
    return process.returncode, out, err


def test_the_exit_code_is_what_main_returns() -> None:
    code, out, err = finish(
        start("""
        async def main(stop):
            window = QWidget()
            window.show()
            QTimer.singleShot(10, stop.set)
            await stop.wait()
            window.close()
            await asyncio.sleep(0.01)
            print("cleaned up")
            return 7
        sys.exit(run(main))
        """)
    )
    assert (code, out, err) == (7, "cleaned up\n", "")


def test_the_last_window_closed_does_not_end_the_program() -> None:
    code, out, _err = finish(
        start("""
        async def main(stop):
            window = QWidget()
            window.show()
            window.close()
            await asyncio.sleep(0.05)
            print("still here")
            return 0
        sys.exit(run(main))
        """)
    )
    assert (code, out) == (0, "still here\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_in_order_even_if_the_window_refuses_to_close(
    asked: signal.Signals,
) -> None:
    process = start("""
        class Kiosk(QWidget):
            def closeEvent(self, event):
                event.ignore()
        async def main(stop):
            window = Kiosk()
            window.show()
            print("ready", flush=True)
            await stop.wait()
            await asyncio.sleep(0.01)
            print("cleaned up")
            return 0
        sys.exit(run(main))
        """)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(asked)
    assert finish(process) == (0, "cleaned up\n", "")


def test_a_task_left_behind_is_cancelled() -> None:
    code, out, err = finish(
        start("""
        async def for_ever():
            try:
                await asyncio.Event().wait()
            finally:
                print("cancelled")
        async def main(stop):
            task = asyncio.get_running_loop().create_task(for_ever())
            await asyncio.sleep(0.01)
            return 0
        sys.exit(run(main))
        """)
    )
    assert (code, out, err) == (0, "cancelled\n", "")


def test_a_fault_in_a_slot_is_logged_and_the_window_lives_on() -> None:
    code, out, err = finish(
        start("""
        import logging
        logging.basicConfig(format="%(levelname)s %(message)s")
        async def main(stop):
            QTimer.singleShot(0, lambda: 1 / 0)
            await asyncio.sleep(0.1)
            print("alive")
            return 0
        sys.exit(run(main))
        """)
    )
    assert (code, out) == (0, "alive\n")
    assert err.startswith("CRITICAL A fault of this program")
    assert "ZeroDivisionError" in err


def test_an_error_in_main_is_logged_and_the_exit_code_is_1() -> None:
    code, _out, err = finish(
        start("""
        async def main(stop):
            raise LookupError("where is it")
        sys.exit(run(main, name="InTurn kiosk"))
        """)
    )
    assert code == 1
    assert "where is it" in err


class Cycle:
    """A reference cycle, which only the garbage collector frees."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_is_collected_in_the_windows_thread(qtbot: Any) -> None:
    threads: list[threading.Thread] = []
    kept: list[list[int]] = []

    def allocate() -> None:
        kept.extend([number] for number in range(200_000))

    with garbage_collected_here():
        weakref.finalize(Cycle(), lambda: threads.append(threading.current_thread()))
        worker = threading.Thread(target=allocate)
        worker.start()
        worker.join()
        assert threads == []
        qtbot.waitUntil(lambda: bool(threads), timeout=WAIT_MILLISECONDS)
    assert threads == [threading.main_thread()]


@pytest.mark.parametrize(
    ("platform", "environment", "found"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"QT_QPA_PLATFORM": "offscreen"}, True),
        ("darwin", {}, True),
    ],
)
def test_a_missing_screen_is_known_before_qt_aborts(
    platform: str, environment: dict[str, str], found: bool
) -> None:
    assert has_screen(platform, environment) is found
