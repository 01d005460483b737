"""`scripts/install` checks the computer before it downloads anything. Each test fakes a computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

TOOLS = ("sh", "dirname", "cat", "cut", "cksum", "sort", "mktemp", "tee", "rm", "tr", "sed", "env")
NO_VENV = f"""case "$2" in *ensurepip*) exit 1 ;; *) exec {sys.executable} "$@" ;; esac"""
QT = "libdbus-1-3 libegl1 libfontconfig1 libfreetype6 libgl1 libglib2.0-0 libx11-6 libxkbcommon0 libzstd1 zlib1g"
XCB = ("libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0", "libxkbcommon-x11-0")
VENV = f"python3.{sys.version_info.minor}-venv"


class Computer:
    """A fake computer: a PATH with stubs that record their calls, and a copy of the scripts."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "path"
        self._path.mkdir()
        self._notes = folder / "notes"
        self.clone = folder / "a clone"
        shutil.copytree(ROOT / "scripts", self.clone / "scripts")
        for tool in TOOLS:
            (self._path / tool).symlink_to(str(shutil.which(tool)))
        self.program("uname", "echo Linux")
        self.program("ldconfig", "echo 'no library'")
        self.program("apt-get", "exit 100")
        self.program("python3", NO_VENV)

    def program(self, name: str, script: str) -> None:
        """Puts a stub on the PATH that records its arguments and runs `script`."""
        file = self._path / name
        file.write_text(f'#!/bin/sh\necho {name} "$@" >>"{self._notes}"\n{script}\n')
        file.chmod(0o755)

    def install(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `scripts/install`, which must fail before it makes an environment."""
        done = subprocess.run(
            ["scripts/install", *arguments],
            cwd=self.clone,
            env={"PATH": str(self._path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert not (self.clone / ".venv").exists()
        return done

    def calls(self, name: str) -> list[str]:
        """Returns the arguments of each call of a program."""
        lines = self._notes.read_text().splitlines()
        return [line.removeprefix(name).strip() for line in lines if line.split()[0] == name]


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    if not (shutil.which("dirname") and os.name == "posix"):
        pytest.skip("the script is for POSIX systems")
    return Computer(tmp_path)


def the_command(output: str) -> str:
    [command] = [line.strip() for line in output.splitlines() if "apt-get install" in line]
    return command


def test_an_ordinary_user_gets_one_command_with_everything(computer: Computer) -> None:
    computer.program("id", "echo 1000")
    computer.program("sudo", "exit 1")
    command = the_command(computer.install(DISPLAY=":0").stderr)
    assert command.startswith("sudo apt-get update && sudo apt-get install -y --no-install-recommends ")
    assert {VENV, *QT.split(), *XCB} <= set(command.split())
    assert computer.calls("apt-get") == []


def test_without_a_screen_no_libraries_for_a_screen_are_requested(computer: Computer) -> None:
    computer.program("id", "echo 1000")
    command = the_command(computer.install().stderr)
    assert command.startswith("su -c 'apt-get update && apt-get install -y --no-install-recommends ")
    assert command.endswith(f" {VENV} {QT}'")


def test_a_hub_needs_no_libraries_of_qt(computer: Computer) -> None:
    computer.program("id", "echo 1000")
    assert the_command(computer.install("hub").stderr).endswith(f" --no-install-recommends {VENV}'")


def test_a_missing_python_is_requested(computer: Computer) -> None:
    computer.program("id", "echo 1000")
    computer.program("python3", "exit 1")
    assert the_command(computer.install("hub").stderr).endswith(" python3 python3-venv'")


def test_root_installs_packages_at_once_and_reports_the_failure(computer: Computer) -> None:
    computer.program("id", "echo 0")
    computer.program("apt-get", "echo no network; exit 100")
    output = computer.install().stderr
    assert "no network" in output
    assert the_command(output) == f"apt-get update && apt-get install -y --no-install-recommends {VENV} {QT}"
    tried = [call.split()[-1] if call.endswith("update") else "install" for call in computer.calls("apt-get")]
    assert tried == ["install", "update"]


def test_installed_libraries_are_not_requested(computer: Computer) -> None:
    computer.program("id", "echo 1000")
    computer.program("ldconfig", r"printf '\tlibGL.so.1 (libc6,x86-64) => /lib/libGL.so.1\n'")
    assert "libgl1" not in the_command(computer.install().stderr).split()


@pytest.mark.parametrize("namespaces", [True, False])
def test_root_gets_an_account_where_namespaces_are_forbidden(computer: Computer, namespaces: bool) -> None:
    computer.program("id", '[ "$1" = -u ] && echo 0')
    computer.program("unshare", "exit 0" if namespaces else "exit 1")
    computer.program("useradd", "exit 0")
    computer.program("python3", f"""[ "$2" = venv ] && exit 1; exec {sys.executable} "$@" """)
    computer.install("hub")
    made = ["--system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin inturn"]
    assert ("useradd" in computer._notes.read_text()) != namespaces
    assert namespaces or computer.calls("useradd") == made
