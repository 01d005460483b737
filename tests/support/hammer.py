"""Many processes perform every operation concurrently through the SQL functions, and log the answers.

`find_faults(engine, hammer(scene, presses=300))` is empty when nothing is wrong (tests/support/verdict.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from random import Random
from threading import Event
from time import monotonic, perf_counter
from typing import Any
from uuid import UUID

import psycopg

from server.database.calls import driver_url
from server.database.errors import MOVED_MEANWHILE, REFUSED
from tests.support.forks import forks
from tests.support.scene import Scene
from tests.support.waiting import WAIT_SECONDS

FRESHNESS = 8
"""Presses between two readings of the lines: in between a process acts on outdated knowledge, as people do."""

Arguments = tuple[Any, ...]
EVERYTHING: Mapping[str, float] = {
    "join_queue": 30,
    "call_next_patient": 22,
    "call_patient": 5,
    "recall_patient": 3,
    "complete": 6,
    "no_show": 6,
    "park_ticket": 6,
    "unpark_ticket": 6,
    "transfer_ticket": 10,
    "set_ticket_priority": 5,
    "move_ticket": 5,
    "cancel_ticket": 4,
    "update_ticket": 3,
    "undo_operation": 8,
    "set_counter_state": 1,
    "set_service_state": 0.5,
    "close_day": 0.1,
}


@dataclass(frozen=True)
class Shift:
    """The work of a process: `presses` operations, chosen by weight."""

    scene: Scene
    worker: int
    presses: int
    weights: Mapping[str, float]
    seed: int

    @property
    def actor(self) -> str:
        return f"user:{self.scene.users[self.worker]}"


@dataclass(frozen=True)
class Acknowledged:
    """An acknowledged operation.

    Attributes:
        made: service and revision of the result; None without a ticket.
        events: service and revision of every event; None where a repeated request found its first result.
    """

    actor: str
    key: str
    operation: str
    made: tuple[str, int] | None
    events: frozenset[tuple[str, int]] | None


@dataclass
class Log:
    """The log of a process. `faults`: answers that must never occur; `most_retries`: the retries of a single press."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    retries: int = 0
    most_retries: int = 0
    repeats: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)


def hammer(
    scene: Scene, *, presses: int, weights: Mapping[str, float] = EVERYTHING, seed: int = 1
) -> list[Log]:
    """Performs `presses` operations for every user of the scene, each user in a process; returns a log for each."""
    shifts = [Shift(scene, n, presses, weights, seed * 1000 + n) for n in range(len(scene.users))]
    with ProcessPoolExecutor(len(shifts), mp_context=forks) as pool:
        return list(pool.map(work, shifts))


def work(shift: Shift) -> Log:
    """Performs the presses of a process; unanswered requests are repeated until they are answered."""
    presser = Presser(shift)
    for _ in range(shift.presses):
        presser.press()
    presser.connection.close()
    return presser.log


class Presser:
    """A user with a database connection who performs operations without a pause."""

    def __init__(self, shift: Shift) -> None:
        self.log = Log()
        self.random = Random(shift.seed)
        self.scene = shift.scene
        self.last_key = ""
        self._shift = shift
        self._own_counter = shift.scene.counters[shift.worker % len(shift.scene.counters)]
        self._at_counter: dict[str, str] = {}
        self._seen: dict[str, list[str]] = {}
        self._numbers = count()
        self.connection = connected(shift.scene.url)

    def press(self) -> None:
        """Performs a random operation; sometimes repeats its key, with the same and with other parameters."""
        number = next(self._numbers)
        if number % FRESHNESS == 0:
            self._read_lines()
        [operation] = self.random.choices(list(self._shift.weights), list(self._shift.weights.values()))
        arguments = BUTTONS[operation](self)
        key = f"{self._shift.seed}-{number}"
        first = self._do(operation, key, arguments)
        if isinstance(first, dict) and self.random.random() < 0.05:
            again = self._answer(operation, key, repr(arguments), arguments)
            if not isinstance(again, dict) or again["events"] or _bare(again) != _bare(first):
                self.log.faults.append(f"{operation}: {again} is not the first answer {first}")
            other = self._answer(operation, key, "other parameters", arguments)
            if other != "key_conflict":
                self.log.faults.append(f"{operation}: its key with other parameters gave {other}")

    def _do(self, operation: str, key: str, arguments: Arguments) -> Any:
        started = perf_counter()
        repeats = self.log.repeats
        answer = self._answer(operation, key, repr(arguments), arguments)
        self.log.seconds.setdefault(operation, []).append(perf_counter() - started)
        if isinstance(answer, str):
            self.log.refused[f"{operation}: {answer}"] += 1
            self._at_counter.pop(str(arguments[0]), None)
        elif answer is not None:
            self._note(operation, key, answer, repeated=self.log.repeats > repeats)
        return answer

    def _note(self, operation: str, key: str, answer: dict[str, Any], *, repeated: bool) -> None:
        result, events = answer["result"], answer["events"]
        ticket = result.get("ticket") or {}
        made = (ticket["service"], result["revision"]) if ticket else None
        known = None if repeated and not events else frozenset((e["service"], e["revision"]) for e in events)
        self.log.acknowledged.append(Acknowledged(self._shift.actor, key, operation, made, known))
        self.last_key = key
        self._at_counter.pop(ticket.get("counter", ""), None)
        if ticket.get("status") == "consulting":
            self._at_counter[ticket["counter"]] = ticket["id"]

    def _answer(self, operation: str, key: str, digest: str, arguments: Arguments) -> Any:
        """The answer, the reason of a refusal, or None for a fault. Unanswered requests are repeated with their key."""
        function = "finish_consultation" if operation in {"complete", "no_show"} else operation
        statement = f"SELECT {function}({', '.join(['%s'] * (3 + len(arguments)))})"
        retries = 0
        while True:
            try:
                values = (self._shift.actor, key, digest.encode(), *arguments)
                row = self.connection.execute(statement.encode(), values).fetchone()
            except psycopg.Error as error:
                if error.sqlstate == REFUSED:
                    return error.diag.message_primary
                if self.connection.closed:
                    self.log.repeats += 1
                    self.connection = connected(self.scene.url)
                elif error.sqlstate == MOVED_MEANWHILE:
                    retries += 1
                    self.log.retries += 1
                    self.log.most_retries = max(self.log.most_retries, retries)
                else:
                    self.log.faults.append(f"{operation}: {error.sqlstate} {error}")
                    return None
            else:
                assert row is not None
                return row[0]

    def _read_lines(self) -> None:
        """Reads some open tickets by status, and the tickets at counters."""
        try:
            self._seen = dict(self.connection.execute(_LIVING).fetchall())
            self._at_counter = dict(self.connection.execute(_AT_COUNTERS).fetchall())
        except psycopg.OperationalError:
            self.connection = connected(self.scene.url)

    def counter(self) -> str:
        """A counter, mostly the user's own."""
        return self._own_counter if self.random.random() < 0.7 else self.random.choice(self.scene.counters)

    def counter_and_patient(self) -> tuple[str, str | None]:
        """A counter and the ticket at it, as of the last reading."""
        counter = self.counter()
        return counter, self._at_counter.get(counter)

    def ticket(self, *status: str) -> str:
        """A ticket with such a status at the last reading; sometimes with another, or a ticket that does not exist."""
        known = self._seen.get(self.random.choice(status)) if self.random.random() < 0.9 else None
        known = known or [ticket for tickets in self._seen.values() for ticket in tickets]
        return self.random.choice(known) if known else str(UUID(int=self.random.getrandbits(128)))


_LIVING = (
    "SELECT status, array_agg(id::text) FROM (SELECT id, status FROM tickets WHERE status IN "
    "('waiting', 'consulting', 'parked') ORDER BY random() LIMIT 40) found GROUP BY status"
)
_AT_COUNTERS = (
    "SELECT code, t.id::text FROM tickets t JOIN counters c ON c.id = counter_id WHERE status = 'consulting'"
)
_LIVE = ("waiting", "waiting", "consulting", "parked")
_PLACES = ("arrival", "first", "last")
_PRIORITIES = ("high", "medium", "medium", "low")
_STATES = (*["open"] * 6, "paused", "closed")
BUTTONS: dict[str, Callable[[Presser], Arguments]] = {
    "join_queue": lambda p: (p.random.choice(p.scene.services), p.random.choice(_PRIORITIES)),
    "call_next_patient": lambda p: (*p.counter_and_patient(), True),
    "call_patient": lambda p: (p.ticket(*_LIVE), p.counter(), True),
    "recall_patient": lambda p: (p.ticket("consulting"), True),
    "complete": lambda p: (p.ticket("consulting"), "completed", True),
    "no_show": lambda p: (p.ticket("consulting"), "no_show", True),
    "park_ticket": lambda p: (p.ticket(*_LIVE), "fetching a paper", True),
    "unpark_ticket": lambda p: (p.ticket("parked"), p.random.choice(_PLACES)),
    "transfer_ticket": lambda p: (
        p.ticket(*_LIVE),
        p.random.choice(p.scene.services),
        p.random.choice(_PLACES),
        True,
    ),
    "set_ticket_priority": lambda p: (p.ticket("waiting"), p.random.choice(_PRIORITIES)),
    "move_ticket": lambda p: (p.ticket("waiting"), p.random.choice((1, 2, 5, 10**6))),
    "cancel_ticket": lambda p: (p.ticket("waiting"), False),
    "update_ticket": lambda p: (p.ticket(*_LIVE), '{"language": "ar", "note": "came with a child"}'),
    "undo_operation": lambda p: (p.last_key,),
    "set_counter_state": lambda p: (p.counter(), p.random.choice(_STATES), None, True),
    "set_service_state": lambda p: (p.random.choice(p.scene.services), p.random.choice(_STATES), None),
    "close_day": lambda p: (p.random.choice((None, *p.scene.services)),),
}


def connected(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection with a hub's settings, as soon as the database answers."""
    deadline = monotonic() + WAIT_SECONDS
    while True:
        try:
            return psycopg.connect(
                driver_url(url), autocommit=True, options="-c statement_timeout=10s -c lock_timeout=5s"
            )
        except psycopg.OperationalError:
            if monotonic() > deadline:
                raise
            Event().wait(0.02)


def _bare(answer: dict[str, Any]) -> Any:
    """A result without the members that other operations may have changed since."""
    ticket = answer["result"].get("ticket") or {}
    personal = {"patient_name", "note", "needs", "parked_reason"}
    return answer["result"] | {"ticket": {name: ticket[name] for name in ticket.keys() - personal}}
