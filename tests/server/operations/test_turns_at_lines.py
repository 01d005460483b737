"""Turns at the lines are fair and bounded and never deadlock; a locked line does not hold up other lines."""

from __future__ import annotations

import asyncio
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
from server.timings import Timings
from tests.support.at_once import STAFF
from tests.support.clinic import Clinic
from tests.support.waiting import in_time, until

WIDTH = 2


async def test_a_line_gives_its_turns_in_order_up_to_its_width() -> None:
    turns, order, now, most = LineTurns(width=WIDTH), list[int](), set[int](), list[int]()

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


async def test_operations_on_several_lines_never_deadlock() -> None:
    """Operations take several lines in random order, and some are cancelled; afterwards no turn is held or awaited."""

    turns, random = LineTurns(width=1), Random(5)

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
    assert turns.operations == {}


async def test_a_turn_that_times_out_is_refused_and_given_to_the_next() -> None:
    turns = LineTurns(0.2, width=1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(turns.turn(["B"]))
        with pytest.raises(Unavailable) as refusal:
            await stack.enter_async_context(turns.turn(["A", "B"]))
        assert refusal.value.data["retry_after"] == 1
        await in_time(stack.enter_async_context(turns.turn(["A"])))
    await in_time(turns.turn(["A", "B"]).__aenter__())


async def test_the_lines_of_the_latest_tickets_are_remembered(clinic: Clinic) -> None:
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
    await operations.transfer_ticket(STAFF, "t", ids[1], "C", "last", True)
    assert turns.line_of(ids[1]) == "C"
    await operations.whole_line("A")
    assert turns.line_of(ids[0]) == "A"
    await database.close()


@pytest.mark.long
@pytest.mark.logs_expected
async def test_a_line_locked_by_another_program_does_not_hold_up_other_lines(
    clinic: Clinic,
) -> None:
    """More operations than connections wait for the locked line: each is refused in the end, other lines work."""
    database = Database(clinic.database_url, timings=Timings(lock=1))
    await database.open(Chores())
    turns = LineTurns(1)
    operations = QueueOperations(database, b"salt", turns)
    outcome = await operations.join_queue(STAFF, "before", "A")
    assert outcome.result.ticket is not None
    first = outcome.result.ticket.id
    engine = clinic.engine()
    with engine.begin() as other_program:
        other_program.execute(text("SELECT FROM services WHERE code = 'A' FOR NO KEY UPDATE"))
        wanted = [operations.join_queue(STAFF, f"stuck {number}", "A") for number in range(20)]
        wanted += [operations.park_ticket(STAFF, f"park {number}", first, None, True) for number in range(10)]
        stuck = asyncio.gather(*map(answer_of, wanted))
        await until(lambda: turns.operations == {"A": 30})
        others = [
            await answer_of(operations.join_queue(STAFF, f"free {number}", "B")) for number in range(20)
        ]
        assert all(isinstance(answer, Outcome) for answer in others)
        assert database.pool_stats()["waiting"] == 0
        assert all(isinstance(answer, Unavailable) for answer in await stuck)
        assert database.available
    engine.dispose()
    assert isinstance(await answer_of(operations.join_queue(STAFF, "after", "A")), Outcome)
    await database.close()


async def answer_of(operation: Awaitable[Outcome]) -> Outcome | HubError:
    try:
        return await operation
    except HubError as error:
        return error
