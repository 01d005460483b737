"""Changes a byte of a stored event: in any column, at any place, to a value that the column's type accepts."""

from __future__ import annotations

from random import Random

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:. \"',{}[]"


class Tampering:
    """Changes single bytes of a history, with its triggers disabled.

    Attributes:
        table: "queue_events" or "admin_events".
    """

    def __init__(self, connection: Connection, table: str, where: str) -> None:
        """`where` selects the chain, e.g. "service_id = 1"."""
        self.table = table
        self._connection = connection
        self._where = where
        self._key = "revision" if table == "queue_events" else "id"
        query = text(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
            "WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        found = connection.execute(query, {"table": table})
        self.columns = {str(name): str(kind) for name, kind in found}
        connection.execute(text("SET session_replication_role = replica"))

    def change_one_byte(self, random: Random) -> tuple[int, str]:
        """Changes a byte; returns the event's number and the changed column."""
        column = random.choice(list(self.columns))
        query = f"SELECT {self._key} FROM {self.table} WHERE {self._where} AND {column}::text <> ''"
        number = random.choice(sorted(self._connection.execute(text(query)).scalars()))
        while not self._try(random, number, column):
            pass
        return number, column

    def _text(self, number: int, column: str) -> str | None:
        query = text(f"SELECT {column}::text FROM {self.table} WHERE {self._where} AND {self._key} = :number")
        return self._connection.execute(query, {"number": number}).scalar_one_or_none()

    def _try(self, random: Random, number: int, column: str) -> bool:
        """False if the type rejects the new text, its key is taken, or the value stays equal."""
        old = self._text(number, column) or ""
        place = random.randrange(len(old))
        new = old[:place] + random.choice(CHARACTERS) + old[place + 1 :]
        statement = text(
            f"UPDATE {self.table} SET {column} = CAST(:new AS {self.columns[column]}) "
            f"WHERE {self._where} AND {self._key} = :number AND {column} <> CAST(:new AS {self.columns[column]})"
        )
        try:
            with self._connection.begin_nested():
                values = {"new": new, "number": number}
                return self._connection.execute(statement, values).rowcount == 1
        except DBAPIError:
            return False
