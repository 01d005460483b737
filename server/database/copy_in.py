"""Loads rows by PostgreSQL's COPY, which calls only what the table itself has: its types, checks and triggers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg

from core.errors import SetupError
from server.database.errors import DISK_FULL, sentence_of

_BLOCK = 1 << 16
"""Bytes that are sent at once."""


def copy_rows(cursor: Any, statement: str, table: str, lines: Iterable[bytes]) -> int:
    """Runs `COPY … FROM STDIN` with lines in the text format; returns the number of rows.

    Args:
        cursor: the driver's cursor, in a transaction.
        table: name for messages.

    Raises SetupError for rows that the table does not take.
    """
    try:
        with cursor.copy(statement) as copy:
            for block in _blocks(lines):
                copy.write(block)
    except psycopg.errors.DiskFull as error:
        raise SetupError(DISK_FULL) from error
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        # The context holds the row, so a patient's name: the message takes only its number.
        row = re.search(r"line (\d+)", error.diag.context or "")
        where = f"row {row[1]} of {table}" if row else f"the rows of {table}"
        raise SetupError(f"The backup is not sound: InTurn does not allow {where}.") from error
    except psycopg.Error as error:
        raise SetupError(sentence_of(error)) from error
    rows: int = cursor.rowcount
    return rows


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    block = bytearray()
    for line in lines:
        block += line
        if len(block) >= _BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block)
