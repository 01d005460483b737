"""Runs every command of README's code blocks as it stands and in its order, with the names of `REPLACED` replaced."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server.cli import command_line
from tests.support.clinic import PASSWORD, Clinic
from tests.support.places import CERTIFICATES, ROOT
from tests.support.readme import commands
from tests.support.waiting import WAIT_SECONDS, wait_until

EXCEPTED = ("make demo", "make test", "make install")
"""Commands that CI runs itself."""
REPLACED = {
    ".venv/bin/": "",
    "0.0.0.0": "127.0.0.1",
    "hub.pem": shlex.quote(str(CERTIFICATES / "valid.pem")),
    "hub.key": shlex.quote(str(CERTIFICATES / "hub_key.pem")),
    "2026-12-24": str(date.today() + timedelta(days=30)),  # noqa: DTZ011  any future day
    "postgresql://inturn_app@db1,db2/inturn": "{database}",
    "reception:8765": "{ws}",
    "desk1:8765": "{wss}",
    "desk2:8765": "{wss}",
    "CODE": "{code}",
    "FILE": "{backup}",
    "check races": "check races --tickets 96",
    "simulate": "simulate --days 2",
}
"""A name that a reader of README replaces -> its value in this test; values in braces are known only at run time.
The last two replacements make long commands shorter."""
STAY = {("inturn-hub", "serve"), ("inturn-kiosk",), ("inturn-monitor",), ("inturn-admin",)}
"""Programs that run until SIGTERM."""


@dataclass
class Reader:
    """Runs the commands in the order of README.

    Attributes:
        here: values of the names in braces that are known so far.
        running: started programs that have not ended.
    """

    here: dict[str, str]
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def type(self, command: str) -> None:
        """Runs a command. Raises AssertionError unless it exits with 0 or keeps running."""
        if "CODE" in command:
            self.here["code"] = self._run(["inturn-hub", "device", "pair", "--role", role_of(command)])
        for name, instead in REPLACED.items():
            if name in command:
                command = command.replace(name, instead.format_map(self.here))
        words = shlex.split(command)
        if tuple(words[:2]) in STAY or tuple(words[:1]) in STAY:
            self._start(words)
        else:
            self._run(words)

    def end(self) -> None:
        """Ends the running programs, the latest first."""
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_SECONDS) == 0, process.args

    def _run(self, words: list[str]) -> str:
        assert Path(sys.executable).with_name(words[0]).exists()
        self.patch.setattr(sys, "argv", words)
        code, output = command_line.main(), self.capture.readouterr()
        assert code == 0, (words, output)
        return output.out.strip()

    def _start(self, words: list[str]) -> None:
        program = str(Path(sys.executable).with_name(words[0]))
        process = subprocess.Popen([program, *words[1:]], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.running.append(process)
        if words[0] == "inturn-hub":
            assert process.stdout is not None
            url = urlsplit(process.stdout.readline().removeprefix("listening on ").strip())
            self.here.setdefault(url.scheme, url.netloc)
            self.patch.setenv("INTURN_HUB", f"ws://{self.here.get('ws', '')}/ws")
        wait_until(lambda: handles_sigterm(process), what=f"{words} to run")


def handles_sigterm(process: subprocess.Popen[str]) -> bool:
    """Whether the program has installed its handler of SIGTERM, and so ends in order."""
    assert process.poll() is None, process.args
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    caught = int(re.findall(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)[0], 16)
    return bool(caught & 1 << signal.SIGTERM - 1)


def role_of(command: str) -> str:
    return "kiosk" if "inturn-kiosk" in command else "monitor"


@pytest.fixture
def reader(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Reader]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("INTURN_PORT", "0")
    monkeypatch.setenv("INTURN_PASSWORD", PASSWORD)
    monkeypatch.setenv("INTURN_HUB_CA", str(CERTIFICATES / "authority.pem"))
    reader = Reader(
        {"database": clinic.database_url, "backup": str(tmp_path / "backup")}, capsys, monkeypatch
    )
    yield reader
    for process in reader.running:
        process.kill()
        process.communicate()


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix" or not Path("/proc").exists(), reason="asks /proc")
def test_every_command_of_readme_works_as_it_stands(reader: Reader) -> None:
    typed = [command for command in commands() if not command.startswith(EXCEPTED)]
    assert len(typed) > 20
    for command in typed:
        reader.type(command)
    reader.end()
