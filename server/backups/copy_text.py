"""Finds the rows of tables in the SQL text that pg_restore prints. Values in, values out.

Only `COPY … FROM stdin` blocks count. Every other statement of the text is skipped and never executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_END = b"\\.\n"
_NAME = rb'"(?:[^"]|"")+"|[^\s",.()]+'
_COPY = re.compile(rb"COPY (%b)\.(%b) \((.+)\) FROM stdin;\r?\n" % (_NAME, _NAME))
_ENCODING = re.compile(rb"SET client_encoding = '(\w+)';\s*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True)
class TableRows:
    """A table's rows in COPY's text format.

    Attributes:
        encoding: PostgreSQL's name of the rows' encoding.
        lines: one line a row, with its newline. Read them before the next table.
    """

    schema: str
    name: str
    columns: list[str]
    encoding: str
    lines: Iterator[bytes]

    def records(self) -> Iterator[dict[str, str | None]]:
        """The rows as column -> text."""
        for line in self.lines:
            yield dict(zip(self.columns, _fields(line), strict=True))


def tables_in(text: Iterator[bytes]) -> Iterator[TableRows]:
    """The tables of a text, given as lines. Raises ValueError if the text ends within a table."""
    encoding = "UTF8"
    for line in text:
        if found := _ENCODING.fullmatch(line):
            encoding = found[1].decode("ascii")
        elif header := _COPY.fullmatch(line):
            rows = _until_end(text)
            schema, name = _unquoted(header[1]), _unquoted(header[2])
            yield TableRows(schema, name, list(map(_unquoted, re.findall(_NAME, header[3]))), encoding, rows)
            for _ in rows:
                """Rows that the caller left: the next statement follows them."""


def _until_end(text: Iterator[bytes]) -> Iterator[bytes]:
    for line in text:
        if line == _END:
            return
        yield line
    raise ValueError("the text ends within a table")


def _unquoted(name: bytes) -> str:
    written = name.decode("utf-8", errors="replace")
    return written[1:-1].replace('""', '"') if written.startswith('"') else written


def _fields(line: bytes) -> Iterator[str | None]:
    for field in line.decode("utf-8", errors="replace").removesuffix("\n").split("\t"):
        yield None if field == "\\N" else _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), field)
