"""The line against a small model: joins, calls, completions, no-shows, cancellations at random, in the real database."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tests.clinic import Clinic

CLASSES = {"high": 0, "medium": 1, "low": 2}
STEPS = 400


class ModelLine:
    """One counter and one service, strict priorities: what a child would do with paper tickets."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, str]] = []
        self.open: str | None = None
        self.issued = 0

    def join(self, ticket: str, priority: str) -> int:
        """Behind everybody of the same or better priority; the place."""
        better = [p for _, p in self.waiting if CLASSES[p] <= CLASSES[priority]]
        self.waiting.insert(len(better), (ticket, priority))
        self.issued += 1
        return len(better) + 1


class Line:
    """The real one, by its SQL functions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def call(self, function: str, *arguments: Any) -> Any:
        """The operation's result, or the reason of its refusal."""
        values = {f"a{n}": value for n, value in enumerate(arguments)}
        query = f"SELECT {function}('user:1', '{uuid4()}', ''{''.join(f', :{name}' for name in values)})"
        try:
            return self._connection.execute(text(query), values).scalar_one()["result"]
        except DBAPIError as error:
            return str(error.orig).splitlines()[0]

    def places(self) -> list[str]:
        """Who waits, in order; the places must be 1, 2, 3 …"""
        found = self._connection.execute(text("SELECT queue_snapshot('A') -> 'waiting'")).scalar_one()
        assert [ticket["position"] for ticket in found] == list(range(1, len(found) + 1))
        return [ticket["id"] for ticket in found]


@pytest.mark.parametrize("seed", range(3))
def test_every_step_agrees_with_the_model(clinic: Clinic, seed: int) -> None:
    random, model = Random(seed), ModelLine()
    engine = clinic.engine().execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        line = Line(connection)
        for _ in range(STEPS):
            random.choice([_join, _join, _call, _finish, _cancel])(random, line, model)
            assert line.places() == [ticket for ticket, _ in model.waiting]
    engine.dispose()
    assert clinic.rows("SELECT * FROM broken_links()") == []
    assert clinic.rows("SELECT count(*), count(DISTINCT number) FROM tickets") == [
        (model.issued, model.issued)
    ]


def _join(random: Random, line: Line, model: ModelLine) -> None:
    priority = random.choice(list(CLASSES))
    ticket = line.call("join_queue", "A", priority)["ticket"]
    assert ticket["position"] == model.join(ticket["id"], priority)


def _call(random: Random, line: Line, model: ModelLine) -> None:
    complete = model.open if random.random() < 0.5 else None
    result = line.call("call_next_patient", "R1", complete)
    if model.open and complete is None:
        assert result == "counter_busy"
    elif model.waiting:
        model.open = model.waiting.pop(0)[0]
        assert result["ticket"]["id"] == model.open
    else:
        assert (result if complete is None else result["ticket"]) in ("queue_empty", None)
        model.open = None


def _finish(random: Random, line: Line, model: ModelLine) -> None:
    status = random.choice(["completed", "no_show"])
    if model.open:
        assert line.call("finish_consultation", model.open, status)["ticket"]["status"] == status
        assert line.call("finish_consultation", model.open, status) == "not_consulting"
        model.open = None


def _cancel(random: Random, line: Line, model: ModelLine) -> None:
    if model.waiting:
        ticket, _ = model.waiting.pop(random.randrange(len(model.waiting)))
        assert line.call("cancel_ticket", ticket)["ticket"]["status"] == "cancelled"
        assert line.call("cancel_ticket", ticket) == "not_waiting"
