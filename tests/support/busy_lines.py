"""Lines with a history: random operations by their SQL functions, on a clinic's three services and two counters."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

PLACES = ("first", "arrival", "last")
PRIORITIES = ("high", "medium", "low")


class BusyLines:
    """Performs random operations on a clinic's database; refusals are normal.

    Attributes:
        played: the number of successful operations.
    """

    def __init__(self, connection: Connection, seed: int, name: str = "busy") -> None:
        """`name` distinguishes the keys of several players at one database."""
        self.played = 0
        self._connection = connection
        self._random = Random(seed)
        self._keys = (f"{name} {number}" for number in count())
        self._last = ""
        self._operations: list[Callable[[], None]] = [
            *[self._join] * 4,
            *[self._call_next] * 3,
            *[self._finish] * 2,
            self._call,
            self._park,
            self._unpark,
            self._transfer,
            self._transfer,
            self._set_priority,
            self._move,
            self._cancel,
            self._update,
            self._undo,
            self._undo,
            self._open_and_close,
        ]

    def play(self, steps: int) -> None:
        """Tries `steps` operations."""
        for _ in range(steps):
            self._random.choice(self._operations)()

    def call(self, function: str, *arguments: Any) -> Any:
        """An operation's result as JSON; None if it was refused."""
        key = next(self._keys)
        values = {f"a{n}": value for n, value in enumerate(arguments)}
        query = f"SELECT {function}('user:1', :key, ''{''.join(f', :{name}' for name in values)})"
        try:
            result = self._connection.execute(text(query), {"key": key, **values}).scalar_one()["result"]
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") not in ("IT000", "IT001"):
                raise
            return None
        self._last = key
        self.played += 1
        return result

    def _some(self, *statuses: str) -> str | None:
        query = text(
            "SELECT id FROM tickets WHERE status = ANY (:statuses) ORDER BY md5(id::text || :salt) LIMIT 1"
        )
        values = {"statuses": list(statuses), "salt": str(self._random.random())}
        found = self._connection.execute(query, values).scalar()
        return str(found) if found else None

    def _on(self, statuses: tuple[str, ...], function: str, *arguments: Any) -> None:
        if ticket := self._some(*statuses):
            self.call(function, ticket, *arguments)

    def _join(self) -> None:
        service, priority = self._random.choice("AABBC"), self._random.choice(PRIORITIES)
        self.call("join_queue", service, priority, "Amal Haddad")

    def _call_next(self) -> None:
        self.call("call_next_patient", self._random.choice(("R1", "R2")), None, True)

    def _finish(self) -> None:
        self._on(("consulting",), "finish_consultation", self._random.choice(("completed", "no_show")))

    def _call(self) -> None:
        counter = self._random.choice(("R1", "R2"))
        self._on(("waiting", "parked", "no_show"), "call_patient", counter, True)
        self._on(("consulting",), "recall_patient")

    def _park(self) -> None:
        self._on(("waiting", "consulting"), "park_ticket", "blood pressure")

    def _unpark(self) -> None:
        self._on(("parked", "no_show"), "unpark_ticket", self._random.choice(PLACES))

    def _transfer(self) -> None:
        service, place = self._random.choice("ABC"), self._random.choice(PLACES)
        self._on(("waiting", "consulting", "parked"), "transfer_ticket", service, place)

    def _set_priority(self) -> None:
        self._on(("waiting", "parked"), "set_ticket_priority", self._random.choice(PRIORITIES))

    def _move(self) -> None:
        self._on(("waiting",), "move_ticket", self._random.randint(1, 12))

    def _cancel(self) -> None:
        self._on(("waiting", "parked"), "cancel_ticket")

    def _update(self) -> None:
        self._on(("waiting", "completed"), "update_ticket", '{"note": "by the window", "language": "ar"}')

    def _undo(self) -> None:
        self.call("undo_operation", self._last)

    def _open_and_close(self) -> None:
        self.call("set_service_state", "C", self._random.choice(("open", "open", "paused", "closed")))
