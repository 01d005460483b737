"""Operations through the hub against the same SQL by the bare driver and by pgbench. The hub is a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from time import perf_counter
from uuid import uuid4

import psycopg

from core.client.hub_client import HubClient
from server.checks.scratch_hub import hub_process
from server.database.calls import driver_url
from tests.bench.clinic import CONNECTIONS, LANES, PERSON, Database
from tests.bench.pgbench import find_pgbench, joins_per_second
from tests.bench.report import Figure, Spread

WINDOW_SECONDS = 1
PGBENCH_SECONDS = 2
"""Longer than WINDOW_SECONDS: its connections are new each time, and their first calls are slow."""
WAYS = ((1, 1), (CONNECTIONS, CONNECTIONS), (CONNECTIONS, 1))
"""Connections and lines: on a single line, each operation waits for the commit of the operation before."""
Press = Callable[[], Awaitable[object]]


def figures(url: str, rounds: int) -> Iterator[Figure]:
    """The delay of one request, and the rate of many."""
    with hub_process(url) as hub:
        yield asyncio.run(delay(hub, url, rounds))
        for connections, lines in WAYS:
            yield from asyncio.run(rates(hub, url, connections, lines, max(rounds // 40, 3)))


async def delay(hub: str, url: str, rounds: int) -> Figure:
    """Delay of calling the next patient, by a client of the hub and by the driver in turn. Completing is not timed."""
    wire, bare = [], []
    with closing(Database(url)) as database:
        async with HubClient(hub, PERSON, follow=False) as client:
            for number in range(-rounds // 10, rounds):
                spent = await called_over_the_wire(client), called_by_driver(database)
                if number >= 0:
                    wire.append(spent[0])
                    bare.append(spent[1])
    what = "call next over the wire, 1 client"
    return Figure(what, "ms", Spread.of(wire), "bare driver", Spread.of(bare), at_most=2.0)


async def called_over_the_wire(client: HubClient) -> float:
    """Returns the milliseconds that a call of the next patient takes through the hub; then completes the patient."""
    started = perf_counter()
    called = await client.call_next_patient("wire")
    spent = (perf_counter() - started) * 1000
    assert called.ticket is not None
    await client.complete(called.ticket.id)
    return spent


def called_by_driver(database: Database) -> float:
    """Returns the milliseconds that the same SQL takes by the driver."""
    started = perf_counter()
    called = database.call("call_next_patient", "RL")
    spent = (perf_counter() - started) * 1000
    database.call("finish_consultation", called["ticket"]["id"], "completed")
    return spent


async def rates(hub: str, url: str, connections: int, lines: int, rounds: int) -> list[Figure]:
    """Joins per second through the hub, by the driver and by pgbench, in turn."""
    program = find_pgbench()
    seconds: dict[str, list[float]] = {"hub": [], "driver": [], "pgbench": []}
    async with AsyncExitStack() as stack:
        lanes = [LANES[number % lines] for number in range(connections)]
        presses = {
            "hub": [await _client(stack, hub, lane) for lane in lanes],
            "driver": [await _connection(stack, url, lane) for lane in lanes],
        }
        for _ in range(rounds):
            for way, pressed in presses.items():
                seconds[way].append(await rate(pressed))
            if program:
                seconds["pgbench"].append(joins_per_second(program, url, connections, lines, PGBENCH_SECONDS))
    against, goal = ("pgbench", 0.5 if lines > 1 else None) if program else ("driver", None)
    best = Spread.of(seconds[against])
    many = f"{connections} client{'s'[: connections - 1]}, {lines} line{'s'[: lines - 1]}"
    through_hub, bare = Spread.of(seconds["hub"]), Spread.of(seconds["driver"])
    return [
        Figure(f"joins through the hub, {many}", "/s", through_hub, against, best, at_least=goal),
        Figure(f"joins by the bare driver, {many}", "/s", bare, against, best),
    ]


async def _client(stack: AsyncExitStack, hub: str, lane: str) -> Press:
    client = await stack.enter_async_context(HubClient(hub, PERSON, follow=False))
    return lambda: client.join_queue(lane, "low")


async def _connection(stack: AsyncExitStack, url: str, lane: str) -> Press:
    connection = await psycopg.AsyncConnection.connect(driver_url(url), autocommit=True)
    await stack.enter_async_context(connection)

    async def join() -> None:
        statement = "SELECT join_queue('user:1', %s, '', %s, 'low')::text"
        await (await connection.execute(statement, (str(uuid4()), lane))).fetchone()

    return join


async def rate(presses: list[Press]) -> float:
    """Returns answers per second when each client sends its next request after an answer; the first tenth warms up."""
    counted_from = perf_counter() + WINDOW_SECONDS / 10
    until = counted_from + WINDOW_SECONDS

    async def keep_pressing(press: Press) -> int:
        answers = 0
        while (now := perf_counter()) < until:
            await press()
            answers += now >= counted_from
        return answers

    return sum(await asyncio.gather(*map(keep_pressing, presses))) / WINDOW_SECONDS
