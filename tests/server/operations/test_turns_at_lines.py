"""Turns at the lines: fair, bounded, never stuck; and one line that is locked leaves the others alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from random import Random

import pytest
from sqlalchemy import text

from core.errors import HubError, Unavailable
from server.chores import Chores
from server.database.calls import Database
from server.operations.queue_operations import Outcome, QueueOperations
from server.operations.turns_at_lines import LineTurns
from tests.support.at_once import STAFF
from tests.support.clinic import Clinic
from tests.support.waiting import in_time, until

WIDTH = 2


async def test_so_many_have_their_turn_at_a_line_in_the_order_they_came() -> None:
    turns, order, now, most = LineTurns(WIDTH), list[int](), set[int](), list[int]()

    async def operation(number: int) -> None:
        async with turns.turn(["A"]):
            order.append(number)
            now.add(number)
            most.append(len(now))
            await asyncio.sleep(0.001)
            now.discard(number)

    await asyncio.gather(*map(operation, range(20)))
    assert max(most) == WIDTH
    assert order == list(range(20))


async def test_nobody_waits_for_somebody_who_waits_for_them() -> None:
    """Everybody wants several lines, named in any order; some give up in the middle; in the end nothing is kept."""

    turns, random = LineTurns(1), Random(5)

    async def operation() -> None:
        async with turns.turn(random.sample("ABCD", random.randint(1, 4))):
            await asyncio.sleep(random.uniform(0, 0.002))

    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(operation()) for _ in range(400)]
    for task in random.sample(tasks, 100):
        await asyncio.sleep(0)
        task.cancel()
    ends = await in_time(asyncio.gather(*tasks, return_exceptions=True))
    assert {type(end) for end in ends} == {type(None), asyncio.CancelledError}
    assert turns.waiting == {}


async def test_a_turn_that_does_not_come_is_refused_and_taken_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.operations.turns_at_lines.TURN_SECONDS", 0.2)

    turns = LineTurns(1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(turns.turn(["B"]))
        with pytest.raises(Unavailable) as refusal:
            await stack.enter_async_context(turns.turn(["A", "B"]))
        assert refusal.value.data["retry_after"] == 1
        await asyncio.wait_for(stack.enter_async_context(turns.turn(["A"])), 0.1)
    await asyncio.wait_for(turns.turn(["A", "B"]).__aenter__(), 0.1)


async def test_where_tickets_are_is_remembered_of_the_last_ones(clinic: Clinic) -> None:
    turns = LineTurns(tickets=2)
    database = Database(clinic.database_url)
    await database.open(Chores())
    operations = QueueOperations(database, b"salt", turns)
    ids = []
    for number, service in enumerate("AAB"):
        [event] = (await operations.join_queue(STAFF, f"k{number}", service)).events
        assert event.ticket is not None
        ids.append(event.ticket.id)
    assert [turns.line_of(ticket) for ticket in ids] == ["", "A", "B"]
    await operations.transfer_ticket(STAFF, "t", ids[1], "C", "last")
    assert turns.line_of(ids[1]) == "C"
    await operations.whole_line("A")
    assert turns.line_of(ids[0]) == "A"
    await database.close()


@pytest.mark.long
@pytest.mark.logs_expected
async def test_a_line_that_somebody_else_has_locked_leaves_the_others_alone(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far more want to change it than there are connections: each is refused in bounded time, other lines go on."""
    monkeypatch.setattr("server.operations.turns_at_lines.TURN_SECONDS", 1.0)
    monkeypatch.setattr("server.database.calls._SAFETY", "-c lock_timeout=1s")

    database = Database(clinic.database_url)
    await database.open(Chores())
    turns = LineTurns()
    operations = QueueOperations(database, b"salt", turns)
    outcome = await operations.join_queue(STAFF, "before", "A")
    assert outcome.result.ticket is not None
    first = outcome.result.ticket.id
    engine = clinic.engine()
    with engine.begin() as somebody:
        somebody.execute(text("SELECT FROM services WHERE code = 'A' FOR NO KEY UPDATE"))
        started = time.monotonic()
        wanted = [operations.join_queue(STAFF, f"stuck {number}", "A") for number in range(20)]
        wanted += [operations.park_ticket(STAFF, f"park {number}", first, None) for number in range(10)]
        stuck = asyncio.gather(*map(timed, wanted))
        await until(lambda: turns.waiting == {"A": 30})
        others = [await timed(operations.join_queue(STAFF, f"free {number}", "B")) for number in range(20)]
        assert all(isinstance(answer, Outcome) for answer, _ in others)
        longest = max(seconds for _, seconds in others)
        print(f"other lines while one is locked: at most {longest * 1000:.0f} ms")
        assert longest < 0.5
        assert database.pool_stats()["waiting"] == 0
        assert all(isinstance(answer, Unavailable) for answer, _ in await stuck)
        assert time.monotonic() - started < 4  # one second for a turn, or twice one at the row
        assert database.available
    engine.dispose()
    assert isinstance((await timed(operations.join_queue(STAFF, "after", "A")))[0], Outcome)
    await database.close()


async def timed(operation: Awaitable[Outcome]) -> tuple[Outcome | HubError, float]:
    """The answer or refusal, and how long it took."""
    started = time.monotonic()
    try:
        return await operation, time.monotonic() - started
    except HubError as error:
        return error, time.monotonic() - started
