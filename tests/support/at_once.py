"""Concurrent operations: all wait for the lines' locks in a known order; then the locks are released.

By then each operation's readings before its lock are outdated: a careless operation goes wrong exactly there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self
from uuid import uuid4

import psycopg

from core.errors import HubError
from core.line.tickets import Priority, Ticket
from server.administration import people_and_devices
from server.chores import Chores
from server.database.calls import Database, driver_url
from server.operations.queue_operations import Outcome, QueueOperations
from server.timings import Timings
from tests.support.clinic import Clinic
from tests.support.waiting import WAIT_SECONDS

Press = Callable[[QueueOperations], Awaitable[Outcome]]
Answer = Outcome | HubError
_WAITERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
CROWD = 16
PATIENT = Timings(lock=9.0)
"""Timings with which the first operation at a lock waits until the last has arrived, also on a slow machine."""
STAFF, SUPERVISOR = "user:1", "user:2"


class Crowd:
    """Operations of up to `people` people at once on a clinic's database; a context manager."""

    def __init__(self, clinic: Clinic, people: int = 8) -> None:
        self._people = people
        self._url = driver_url(clinic.database_url)
        self._database = Database(clinic.database_url, size=people, timings=PATIENT)
        self.operations = QueueOperations(self._database, b"salt")

    async def __aenter__(self) -> Self:
        await self._database.open(Chores())
        # Open the connections before an operation waits for a lock: a statement may wait there 10 s at most.
        await asyncio.gather(*(self._database.call("schema_revision") for _ in range(self._people)))
        self._watch = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._watch.close()
        await self._database.close()

    async def at_once(self, *presses: Press) -> list[Answer]:
        """The answer or refusal of each press. Raises AssertionError unless all operations come to wait for locks."""
        async with await psycopg.AsyncConnection.connect(self._url) as gate:
            await gate.execute("SELECT FROM services ORDER BY id FOR NO KEY UPDATE")
            async with asyncio.TaskGroup() as tasks:
                answers = []
                for number, press in enumerate(presses, start=1):
                    answers.append(tasks.create_task(self.answer(press)))
                    await self._until_waiting(number)
                await gate.rollback()
        return [answer.result() for answer in answers]

    async def one_by_one(self, *presses: Press) -> list[Answer]:
        """The answer or refusal of each press, performed one after the other."""
        return [await self.answer(press) for press in presses]

    async def joined(self, count: int = 1, service: str = "A") -> list[str]:
        """The ids of the tickets of `count` joins, one after the other."""
        return [ticket_of(answer).id for answer in await self.one_by_one(*joins(count, service))]

    async def answer(self, press: Press) -> Answer:
        """The answer or refusal of a press."""
        try:
            return await press(self.operations)
        except HubError as error:
            return error

    async def _until_waiting(self, people: int) -> None:
        waiting: object = None
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while waiting != (people,):
            assert asyncio.get_running_loop().time() < deadline, f"{waiting} of {people} at the locks"
            waiting = await (await self._watch.execute(_WAITERS)).fetchone()


def at_once(clinic: Clinic, *presses: Press) -> list[Answer]:
    """The answer or refusal of each press, performed concurrently."""

    async def perform() -> list[Answer]:
        async with Crowd(clinic, len(presses)) as crowd:
            return await crowd.at_once(*presses)

    return asyncio.run(perform())


def after_each_other(clinic: Clinic, *presses: Press) -> list[Answer]:
    """The answer or refusal of each press, performed one after the other."""

    async def perform() -> list[Answer]:
        async with Crowd(clinic) as crowd:
            return await crowd.one_by_one(*presses)

    return asyncio.run(perform())


def new_key() -> str:
    return str(uuid4())


def joins(count: int, service: str = "A", priority: Priority = "medium") -> list[Press]:
    """`count` joins."""
    return [lambda o: o.join_queue(STAFF, new_key(), service, priority)] * count


def joined(clinic: Clinic, count: int = 1, service: str = "A") -> list[str]:
    """The ids of the tickets of `count` joins, one after the other."""
    return [ticket_of(answer).id for answer in after_each_other(clinic, *joins(count, service))]


def ticket_of(answer: Answer) -> Ticket:
    """The ticket of a successful answer."""
    assert isinstance(answer, Outcome), answer
    assert answer.result.ticket is not None
    return answer.result.ticket


def outcome(answer: Answer) -> str:
    """The ticket's status after an operation ("no ticket" without one), or the reason of its refusal."""
    if isinstance(answer, HubError):
        return answer.reason
    return answer.result.ticket.status if answer.result.ticket else "no ticket"


def numbers(answers: list[Answer]) -> list[str]:
    """The tickets' numbers, sorted; all answers must be successful."""
    return sorted(ticket_of(answer).number for answer in answers)


def calling(desk: str, actor: str = STAFF) -> Press:
    """Calls the next patient."""
    return lambda o: o.call_next_patient(actor, new_key(), desk, None, False)


def calling_ticket(ticket: str, desk: str, actor: str = STAFF) -> Press:
    """Calls the patient of the ticket."""
    return lambda o: o.call_patient(actor, new_key(), ticket, desk, False)


def moving(ticket: str, service: str) -> Press:
    """Transfers a ticket to another line, by arrival."""
    return lambda o: o.transfer_ticket(STAFF, new_key(), ticket, service, "arrival", True)


def cancelling(ticket: str) -> Press:
    """Cancels a ticket."""
    return lambda o: o.cancel_ticket(STAFF, new_key(), ticket, False)


def desks(clinic: Clinic) -> list[str]:
    """Adds `CROWD` counters that serve A, and returns their codes."""
    engine = clinic.engine()
    codes = [f"D{n}" for n in range(CROWD)]
    for code in codes:
        people_and_devices.add_counter(engine, code, code, ["A"])
    engine.dispose()
    return codes
