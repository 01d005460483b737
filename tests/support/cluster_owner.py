"""A process that starts the private cluster in a folder and stops it at the end of its standard input.

Run as `python -m tests.support.cluster_owner FOLDER [--user ID] [--shared DIR]`: prints one JSON object,
`{"url", "adopted", "seconds"}` or `{"error", "text"}`, then waits for the end of its standard input.
`OwnerProcess` starts it from a test.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from server.postgres import accounts, shared_folder
from server.postgres.binaries import BIN_VARIABLE
from server.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.support.places import ROOT
from tests.support.waiting import WAIT_SECONDS


class OwnerProcess:
    """The running process; `report()` returns its output. A context manager that ends it."""

    def __init__(
        self, root: Path, *, user: int | None = None, programs: Path | None = None, shared: Path | None = None
    ) -> None:
        """Starts the process.

        Args:
            user: the account to run as; None for this process's own.
            programs: the bin folder of the PostgreSQL to run; None: found as usual.
            shared: a folder in place of /var/lib/inturn, without user namespaces; None: this computer's own.
        """
        become = [f"--user={user}"] if user is not None else []
        without_namespaces = [f"--shared={shared}"] if shared is not None else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(root), *become, *without_namespaces],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            env={**os.environ, **({BIN_VARIABLE: str(programs)} if programs else {})},
        )

    def __enter__(self) -> OwnerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=WAIT_SECONDS)

    def report(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        report: dict[str, Any] = json.loads(self.process.stdout.readline())
        return report

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WAIT_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--user", type=int)
    parser.add_argument("--shared", type=Path)
    options = parser.parse_args()
    if options.shared is not None:
        forbid_namespaces(options.shared)
    if options.user is not None:
        become(options.user)
    own_until_stdin_ends(options.root)


def forbid_namespaces(shared: Path) -> None:
    """Simulates a computer without user namespaces, whose account for PostgreSQL is `nobody`."""
    accounts.user_namespaces_work = lambda: False  # type: ignore[assignment]
    accounts.OWN_ACCOUNT = "nobody"
    shared_folder.SHARED = shared


def become(user: int) -> None:
    """Switches to another account. All modules are loaded: the account may be unable to read this clone."""
    os.chdir("/")
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)


def own_until_stdin_ends(root: Path) -> None:
    cluster = EmbeddedPostgres(root, options={"fsync": "off"})
    started = time.monotonic()

    def start() -> None:
        try:
            report = {"url": cluster.start(), "adopted": cluster.adopted}
        except EmbeddedPostgresError as error:
            report = {"error": type(error).__name__, "text": str(error)}
        print(json.dumps({**report, "seconds": time.monotonic() - started}), flush=True)

    # As in the hub: on a pool's thread, which may end long before the server.
    starting = threading.Thread(target=start)
    starting.start()
    starting.join()
    sys.stdin.read()
    cluster.stop()


if __name__ == "__main__":
    main()
