"""The client in docs/clients.md, run against a real hub: it follows lines, takes tickets and reconnects."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.client.hub_client import HubClient
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.places import DOCS
from tests.support.waiting import WAIT_SECONDS, until

JOIN = "SELECT count(join_queue('user:1', '{}' || n, '', 'A')) FROM generate_series(1, {}) n"


class ExampleClient:
    """The page's Python program as a process; its output goes into a file."""

    def __init__(self, url: str, token: str, folder: Path) -> None:
        [code] = re.findall(r"```python\n(.+?)```", (DOCS / "clients.md").read_text("utf-8"), re.DOTALL)
        program = folder / "client.py"
        program.write_text(code, "utf-8")
        self._printed = folder / "printed"
        with self._printed.open("wb") as printed:
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(program), url, token],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )

    def type(self, line: str) -> None:
        """Types the line, as a person at its keyboard does."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    async def prints(self, line: str) -> None:
        """Waits until the program prints the line."""
        await until(lambda: line in self.lines, what=f"{line!r} in {self.lines}")

    @property
    def lines(self) -> list[str]:
        """The printed lines."""
        return self._printed.read_text("utf-8").splitlines()


@pytest.mark.long
async def test_the_pages_client_works(clinic: Clinic, hub: HubProcess, tmp_path: Path) -> None:
    client = ExampleClient(hub.url, clinic.kiosk.token, tmp_path)

    try:
        await client.prints("A: 0 waiting; now nobody")
        client.type("A")
        await client.prints("you are A001, place 1")
        client.type("Q")
        await client.prints("refused: There is no service Q.")
        async with HubClient(hub.url, clinic.staff, follow=False) as console:
            await console.call_next_patient("R1")
            await client.prints("A: 0 waiting; now A001 at R1")
        hub.kill()
        client.type("A")
        await asyncio.to_thread(clinic.rows, JOIN.format("a few", 3))
        await asyncio.to_thread(hub.restart)
        await client.prints("you are A005, place 4")
        await client.prints("A: 4 waiting; now A001 at R1")
        hub.kill()
        await asyncio.to_thread(clinic.rows, JOIN.format("many", 701))
        await asyncio.to_thread(hub.restart)
        await client.prints("A: 705 waiting; now A001 at R1")
        async with HubClient(hub.url, clinic.supervisor, follow=False) as console:
            moved = (await console.snapshot("A")).waiting[0]
            await console.move(moved.id, 705)
            await console.transfer(moved.id, "B")
            await client.prints("A: 704 waiting; now A001 at R1")
            await client.prints("B: 1 waiting; now nobody")
        client.process.communicate(b"", timeout=WAIT_SECONDS)
    finally:
        client.process.kill()
    assert client.process.returncode == 0, client.lines
    assert not [line for line in client.lines if "Traceback" in line]
