"""Runs `inturn-hub` in a process of its own, forked with its modules loaded: imports take most of a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from server.__main__ import main
from tests.support.forks import forks
from tests.support.places import ROOT

LONGEST_SECONDS = 50


def inturn_hub(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, without input. Raises TimeoutError after `LONGEST_SECONDS`."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = forks.Process(target=_run, args=(arguments, {**os.environ, **environment}, out, err))
        process.start()
        process.join(LONGEST_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"inturn-hub {' '.join(arguments)}: {err.read_text()}")
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


def _run(arguments: tuple[str, ...], environment: Mapping[str, str], out: Path, err: Path) -> None:
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate((Path(os.devnull), out, err)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  multiprocessing gave the process another one
    sys.argv = ["inturn-hub", *arguments]
    sys.exit(main())
