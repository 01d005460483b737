"""Fixtures of every test: offscreen windows, a Qt event loop that runs asyncio, and a check of the log."""

import asyncio
import inspect
import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeGuard, cast

import pytest
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from core.qt.app import garbage_collected_here
from tests.support import surroundings
from tests.support.clinic import clinic, hub, postgres, template
from tests.support.event_loops import Run, current, runner
from tests.support.faults.recovery_times import table_of
from tests.support.reachable_folders import reachable_folders
from tests.support.time_limits import LEAD_SECONDS, set_timeout, timeout_of

__all__ = ["clinic", "hub", "postgres", "reachable_folders", "template"]


def pytest_configure(config: pytest.Config) -> None:
    """Shields the tests, before collection, from settings outside the clone."""
    config.add_cleanup(surroundings.enter())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Scales each test's timeout, and gives each coroutine test a loop."""
    for item in items:
        set_timeout(item)
        if _is_coroutine(item) and "run" not in item.fixturenames:
            # After the autouse fixtures and before the test's own: fixtures close in reverse, so the loop closes last.
            item.fixturenames.insert(item.fixturenames.index("quiet_log") + 1, "run")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints a table of the recovery times."""
    ended = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    if lines := table_of(ended):
        terminalreporter.section("recovery")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an `async def test_…` on the test's `loop`, which serves Qt's events meanwhile."""
    if not _is_coroutine(pyfuncitem):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    run = cast("Run", pyfuncitem.funcargs["run"])
    run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


def _is_coroutine(item: pytest.Item) -> TypeGuard[pytest.Function]:
    return isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj)


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[asyncio.AbstractEventLoop]:
    """A test's event loop: Qt's, so that windows and coroutines share it as in the programs."""
    qapp.setQuitOnLastWindowClosed(False)
    with current(QEventLoop(qapp)) as loop, garbage_collected_here():
        yield loop


@pytest.fixture
def run(loop: asyncio.AbstractEventLoop, request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine to its end and returns its result; an `async def test_…` needs no `run`.

    Raises TimeoutError `LEAD_SECONDS` before the test's timeout: pytest-timeout raises in the callback that runs at
    that moment, and Qt swallows exceptions of callbacks.
    """
    return runner(loop, timeout_of(request.node) - LEAD_SECONDS)


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    """A folder for Unix sockets, whose paths may have 107 bytes: `tmp_path` may be longer."""
    with TemporaryDirectory(prefix="it-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that logs a warning or worse, unless it is marked `logs_expected`."""
    yield
    if request.node.get_closest_marker("logs_expected"):
        return
    logged = [record for phase in ("setup", "call", "teardown") for record in caplog.get_records(phase)]
    loud = [f"{r.levelname} {r.name}: {r.getMessage()}" for r in logged if r.levelno >= logging.WARNING]
    if loud:
        pytest.fail("unexpected in the log:\n" + "\n".join(loud), pytrace=False)
