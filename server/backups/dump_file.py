"""A dump in PostgreSQL's custom format: its table of contents and its rows, as pg_restore prints them.

No server takes part: pg_restore writes text, and `copy_text` finds the rows in it.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import SetupError
from server.backups.copy_text import TableRows, tables_in
from server.postgres.client_programs import BUNDLED_MAJOR, newest_programs, package_for
from server.postgres.errors import NoClientPrograms
from server.schema.legacy.database import UNCHANGED

MAGIC = b"PGDMP"
_ENTRY = re.compile(r"(\d+); \d+ \d+ (TABLE DATA|TABLE) (\S+) (\S+)(?: .*)?")
_MADE_AT = re.compile(r"; Archive created at (\d+-\d+-\d+ \d+:\d+:\d+)", re.MULTILINE)
_FORMATS = {(1, 14): 15, (1, 15): 16, (1, 16): 17}
"""Version of the file format -> the first major version of PostgreSQL that reads it."""


@dataclass(frozen=True)
class Entry:
    """A line of the table of contents: `kind` is "TABLE" (a definition) or "TABLE DATA" (its rows)."""

    number: int
    kind: str
    schema: str
    name: str


@dataclass(frozen=True)
class DumpFile:
    """A readable dump.

    Attributes:
        sha256: hash of the file, in hex.
        made_at: when it was made, by the clock of the computer that made it; UTC if `db backup` did.
    """

    file: Path
    sha256: str
    made_at: datetime
    entries: list[Entry]

    def schemas_with(self, table: str) -> list[str]:
        """The schemas that define a table of this name."""
        return [entry.schema for entry in self.entries if (entry.kind, entry.name) == ("TABLE", table)]

    def rows_of(self, schema: str) -> dict[str, Entry]:
        """Table -> entry of its rows, for a schema of the dump."""
        return {e.name: e for e in self.entries if (e.kind, e.schema) == ("TABLE DATA", schema)}

    @contextmanager
    def read(self, entries: Sequence[Entry]) -> Iterator[Iterator[TableRows]]:
        """The rows of these entries, in their order. Raises SetupError for a damaged file."""
        with tempfile.TemporaryDirectory(prefix="inturn-") as folder:
            listed = Path(folder, "list")
            listed.write_text("".join(f"{entry.number};\n" for entry in entries))
            command = (f"--use-list={listed}", "--data-only", "--file=-", str(self.file))
            with _pg_restore(*command) as process:
                assert process.stdout is not None
                yield self._tables(process, tables_in(process.stdout))

    def _tables(self, process: subprocess.Popen[bytes], tables: Iterator[TableRows]) -> Iterator[TableRows]:
        try:
            yield from tables
        except ValueError as error:
            raise _damaged(self.file) from error
        if process.wait():
            raise _damaged(self.file)

    def require_unchanged(self) -> None:
        """Raises SetupError if the file is not the one that was read at first."""
        if sha256_of(self.file) != self.sha256:
            raise SetupError(f"The backup {self.file} changed while it was read. {UNCHANGED}")


def sha256_of(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def open_dump(file: Path) -> DumpFile:
    """Reads the table of contents of a file in the custom format. Raises SetupError, OSError."""
    sha256 = sha256_of(file)
    with _pg_restore("--list", str(file)) as process:
        assert process.stdout is not None
        printed = process.stdout.read().decode("utf-8", errors="replace")
        made_at = _MADE_AT.search(printed)
        if process.wait() or made_at is None:
            raise _unreadable(file)
    found = (_ENTRY.fullmatch(line) for line in printed.splitlines())
    entries = [Entry(int(m[1]), m[2], m[3], m[4]) for m in found if m]
    return DumpFile(file, sha256, datetime.fromisoformat(made_at[1]).replace(tzinfo=UTC), entries)


@contextmanager
def _pg_restore(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [newest_programs().program("pg_restore"), *arguments]
    # The file holds the local time of the computer that made it: `db backup` makes it in UTC.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _unreadable(file: Path) -> SetupError:
    with file.open("rb") as opened:
        version = tuple(opened.read(len(MAGIC) + 2)[len(MAGIC) :])
    able = next((major for known, major in _FORMATS.items() if known >= version), BUNDLED_MAJOR + 1)
    if able > newest_programs().major:
        return NoClientPrograms(f"The backup {file} was written by a newer PostgreSQL", package_for(able))
    return _damaged(file)


def _damaged(file: Path) -> SetupError:
    return SetupError(f"The backup {file} is damaged or incomplete. {UNCHANGED}")
