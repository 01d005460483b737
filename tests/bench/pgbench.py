"""An operation run by PostgreSQL's own load generator: the rate to compare the hub with."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from server.database.calls import driver_url
from server.postgres.binaries import installed_binaries

# Clients take the lines in turn; the key is made by the server.
JOIN = """\\set lane :client_id % {lines}
SELECT join_queue('user:1', gen_random_uuid()::text, '', 'W' || :lane, 'low')::text
"""


def find_pgbench() -> str | None:
    """Returns the pgbench of the first PostgreSQL of this computer that has it; None without any."""
    for binaries in installed_binaries():
        program = binaries.bin_dir / ("pgbench.exe" if sys.platform == "win32" else "pgbench")
        if program.is_file():
            return str(program)
    return None


def joins_per_second(program: str, url: str, connections: int, lines: int, seconds: int) -> float:
    """Returns joins per second of `connections` clients on `lines` lines, with prepared statements."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "join.sql"
        script.write_text(JOIN.format(lines=lines), "utf-8")
        command = [
            program,
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={connections}",
            f"--jobs={min(connections, 2)}",
        ]
        command += [f"--time={seconds}", f"--file={script}", driver_url(url)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return float(found[1])
