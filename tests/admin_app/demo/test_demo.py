"""The demo leaves no process behind however it ends, and no file when a signal ends it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.event_loops import Run
from tests.support.waiting import until

START_SECONDS, END_SECONDS = 90.0, 60.0
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


class Demo:
    """A demo without a screen, in a temporary folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder.parent / "output"
        environment = os.environ | {
            "TMPDIR": str(folder),
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONUNBUFFERED": "1",
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "admin_app.demo.demo"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def runs(self) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        return "The demo is running" in self.output.read_text()

    def processes(self) -> list[str]:
        """Command lines of the processes that name the demo's folder: hub, database and their children."""
        return [line for line in command_lines() if str(self.folder) in line]


def command_lines() -> Iterator[str]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # the process has ended meanwhile


@pytest.fixture
def demo(tmp_path: Path, run: Run) -> Iterator[Demo]:
    folder = tmp_path / "own"
    folder.mkdir()
    made = Demo(folder)
    try:
        run(until(made.runs, what="the demo to run"))
        yield made
    finally:
        made.process.kill()
        made.process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything(demo: Demo, number: signal.Signals) -> None:
    assert len(demo.processes()) >= 2, "expected a hub and its database"
    demo.process.send_signal(number)
    assert demo.process.wait(END_SECONDS) == 0, demo.output.read_text()
    assert demo.processes() == []
    assert list(demo.folder.iterdir()) == []
    assert not re.search("Traceback|Error|fault", demo.output.read_text()), demo.output.read_text()


async def test_when_the_demo_is_killed_no_process_stays(demo: Demo) -> None:
    demo.process.kill()
    demo.process.wait()
    await until(lambda: not demo.processes(), what="the hub and its database to end")
