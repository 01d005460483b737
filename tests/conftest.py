"""What every test stands on: windows without a screen, a Qt loop with asyncio on it, and a quiet log."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from core.qt.app import garbage_collected_here
from tests.support.beside_each_other import AloneAtLast, mark_groups
from tests.support.clinic import clinic, hub, postgres, template
from tests.support.faults.recovery_times import table_of
from tests.support.reachable_folders import reachable_folders

__all__ = ["clinic", "hub", "postgres", "reachable_folders", "template"]

# A developer's screen would otherwise flash with windows, and a build machine has none.
os.environ["QT_QPA_PLATFORM"] = os.environ.get("INTURN_TEST_PLATFORM", "offscreen")

Run = Callable[[Awaitable[Any]], Any]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that must be alone are known to the scheduler."""
    mark_groups(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> AloneAtLast | None:
    """How `make test` gives out the tests."""
    return AloneAtLast(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells how long recoveries took."""
    ended = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    if lines := table_of(ended):
        terminalreporter.section("recovery")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of one test: Qt's, so that windows and coroutines live together as in the programs."""
    qapp.setQuitOnLastWindowClosed(False)
    loop = QEventLoop(qapp)
    asyncio.set_event_loop(loop)
    with garbage_collected_here():
        yield loop
    stubborn = loop.run_until_complete(_cancelled(asyncio.all_tasks(loop)))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    asyncio.set_event_loop(None)
    assert not stubborn, f"these tasks outlive their cancellation: {stubborn}"


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Cancel the tasks a test left behind and return those that go on all the same."""
    for task in tasks:
        task.cancel()
    return (await asyncio.wait(tasks, timeout=5))[1] if tasks else set()


@pytest.fixture
def run(loop: asyncio.AbstractEventLoop, request: pytest.FixtureRequest) -> Run:
    """Run one coroutine to its end and return what it returns; windows are drawn and clicked meanwhile.

    It ends with TimeoutError a little before the test's own time is up: pytest-timeout raises in whichever
    callback runs at that moment, and Qt swallows what a callback raises.
    """
    marked = request.node.get_closest_marker("timeout")
    seconds = float(marked.args[0] if marked else request.config.getini("timeout")) - 5

    async def in_time(work: Awaitable[Any]) -> Any:
        async with asyncio.timeout(seconds):
            return await work

    return lambda work: loop.run_until_complete(in_time(work))


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that logs a warning or worse, unless it is marked `logs_expected`."""
    yield
    if request.node.get_closest_marker("logs_expected"):
        return
    logged = [record for phase in ("setup", "call", "teardown") for record in caplog.get_records(phase)]
    loud = [f"{r.levelname} {r.name}: {r.getMessage()}" for r in logged if r.levelno >= logging.WARNING]
    if loud:
        pytest.fail("unexpected in the log:\n" + "\n".join(loud), pytrace=False)
