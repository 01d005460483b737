"""The SQL engine alone: operations in a long line compared with the same operations in a short line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from tests.bench.clinic import LONG, SHORT, Database
from tests.bench.report import Figure, in_turn, milliseconds


def figures(url: str, rounds: int) -> Iterator[Figure]:
    """Call-next, join at the end, and operations in the middle of the line. The lines keep their lengths."""
    with closing(Database(url)) as database:
        long, short = f"{LONG:,} waiting", f"{SHORT} waiting"
        calls = in_turn(rounds, call_next(database, "L"), call_next(database, "S"))
        yield Figure(f"call next, {long}", "ms", calls[0], short, calls[1], at_most=1.5)
        joins = in_turn(rounds, join_at_the_end(database, "L"), join_at_the_end(database, "S"))
        yield Figure(f"join at the end, {long}", "ms", joins[0], short, joins[1], at_most=1.5)
        middle = LONG // 2
        out = in_turn(max(rounds // 20, 5), leave(database, middle), leave(database, 1))
        yield Figure(f"leave place {middle:,}", "ms", out[0], "place 1", out[1])
        back = in_turn(max(rounds // 20, 5), come_back(database, middle), come_back(database, 1))
        yield Figure(f"come back to place {middle:,}", "ms", back[0], "place 1", back[1])


def call_next(database: Database, service: str) -> Callable[[], float]:
    """Times the call of the next patient; before each call a patient joins, after it the called patient is completed."""
    counter = f"R{service}"

    def call() -> float:
        database.call("join_queue", service, "low")
        called: list[str] = []
        spent = milliseconds(
            lambda: called.append(database.call("call_next_patient", counter)["ticket"]["id"])
        )
        database.call("finish_consultation", called[0], "completed")
        return spent

    return call


def join_at_the_end(database: Database, service: str) -> Callable[[], float]:
    """Times a join; after each join the first patient is called and completed."""

    def join() -> float:
        spent = milliseconds(lambda: database.call("join_queue", service, "low"))
        called = database.call("call_next_patient", f"R{service}")["ticket"]["id"]
        database.call("finish_consultation", called, "completed")
        return spent

    return join


def leave(database: Database, place: int) -> Callable[[], float]:
    """Times taking the patient at a place out of the long line; afterwards the patient comes back to it."""

    def park() -> float:
        ticket = database.ticket_at("L", place)
        spent = milliseconds(lambda: database.call("park_ticket", ticket))
        database.call("unpark_ticket", ticket, "arrival")
        return spent

    return park


def come_back(database: Database, place: int) -> Callable[[], float]:
    """Times putting a parked patient back to their place."""

    def unpark() -> float:
        ticket = database.ticket_at("L", place)
        database.call("park_ticket", ticket)
        return milliseconds(lambda: database.call("unpark_ticket", ticket, "arrival"))

    return unpark
