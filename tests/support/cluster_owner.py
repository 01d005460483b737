"""A process of its own that starts the private cluster in a folder and keeps it until it is told to stop.

Run as `python -m tests.support.cluster_owner FOLDER`: prints one JSON object, `{"url", "adopted",
"seconds"}` or `{"error", "text"}`, then waits for the end of its standard input and stops.
`OwnerProcess` is the other end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.postgres.binaries import BIN_VARIABLE
from server.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.support.places import ROOT


class OwnerProcess:
    """The running process; `report()` is what it printed. A context manager that ends it."""

    def __init__(self, root: Path, *, prefix: Sequence[str] = (), programs: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", __name__, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            env={**os.environ, **({BIN_VARIABLE: str(programs)} if programs else {})},
        )

    def __enter__(self) -> OwnerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=20)

    def report(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        report: dict[str, Any] = json.loads(self.process.stdout.readline())
        return report

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


def main(root: Path) -> None:
    cluster = EmbeddedPostgres(root, options={"fsync": "off"})
    started = time.monotonic()

    def start() -> None:
        try:
            report = {"url": cluster.start(), "adopted": cluster.adopted}
        except EmbeddedPostgresError as error:
            report = {"error": type(error).__name__, "text": str(error)}
        print(json.dumps({**report, "seconds": time.monotonic() - started}), flush=True)

    # As the hub does it: in a thread of a pool, which may end long before the server should.
    starting = threading.Thread(target=start)
    starting.start()
    starting.join()
    sys.stdin.read()
    cluster.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
