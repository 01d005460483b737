"""Sixteen clients on a line, from joining to the end of the consultation, compared with other queue systems."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from statistics import quantiles
from time import perf_counter

from core.client.hub_client import HubClient
from core.errors import QueueEmpty
from server.administration import people_and_devices
from server.checks.scratch_hub import hub_process, scratch_database
from server.schema.engine import administration_engine
from tests.bench.clinic import PERSON, Database
from tests.bench.report import Figure, Spread

CLIENTS = 16
TICKETS_A_CLIENT = 60
BEST_PEER = 150
PEERS = (
    "the peers were measured in another run, on a machine of this kind: FQM 120–150 tickets/s, p99 151–254 ms, "
    "73–78 numbers given twice in 960; The Q 22 tickets/s, p99 > 800 ms, call-next p99 4–6 s"
)


class Crowd:
    """Clients that join and call; `joins` and `calls` hold the seconds of each request."""

    def __init__(self) -> None:
        self.joins: list[float] = []
        self.calls: list[float] = []

    async def join(self, client: HubClient, share: int) -> None:
        """Joins `share` patients, one after the other."""
        for _ in range(share):
            started = perf_counter()
            await client.join_queue("A")
            self.joins.append(perf_counter() - started)

    async def serve(self, client: HubClient, counter: str) -> None:
        """Calls until the line is empty, completing each patient with the next call."""
        patient: str | None = None
        while True:
            started = perf_counter()
            try:
                called = await client.call_next_patient(counter, complete=patient)
            except QueueEmpty:
                return
            self.calls.append(perf_counter() - started)
            if called.ticket is None:
                return
            patient = called.ticket.id

    async def run(self, hub: str) -> float:
        """Joins half of the tickets first, the rest while every client calls; returns tickets per second."""
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(HubClient(hub, PERSON, follow=False)) for _ in range(CLIENTS)
            ]
            started = perf_counter()
            await asyncio.gather(*(self.join(client, TICKETS_A_CLIENT // 2) for client in clients))
            both = [self.join(client, TICKETS_A_CLIENT // 2) for client in clients]
            counters = list(enumerate(clients))
            await asyncio.gather(*both, *(self.serve(client, f"R{n}") for n, client in counters))
            await asyncio.gather(*(self.serve(client, f"R{n}") for n, client in counters))
            return CLIENTS * TICKETS_A_CLIENT / (perf_counter() - started)


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """Tickets per second and the requests' delays.

    Raises AssertionError if a number was given twice or a patient was lost.
    """
    crowd = Crowd()
    rates = [one_day(server, crowd) for _ in range(max(rounds // 60, 3))]
    peer = Spread(BEST_PEER, BEST_PEER, BEST_PEER)
    what = f"{CLIENTS} clients, from join to end"
    yield Figure(what, "tickets/s", Spread.of(rates), "best peer", peer, at_least=10, note=PEERS)
    for name, seconds in (("join", crowd.joins), ("call next", crowd.calls)):
        p99 = quantiles(seconds, n=100)[98] * 1000
        times = Spread.of([second * 1000 for second in seconds])
        yield Figure(f"{CLIENTS} clients, {name}", "ms", times, note=f"p99 {p99:.0f} ms")


def one_day(server: str, crowd: Crowd) -> float:
    """Runs a day of a new clinic in a hub of its own; returns tickets per second."""
    with scratch_database(server) as url:
        engine = administration_engine(url)
        people_and_devices.add_service(engine, "A", "A", None)
        for number in range(CLIENTS):
            people_and_devices.add_counter(engine, f"R{number}", f"Counter {number}", ["A"])
        people_and_devices.add_user(engine, PERSON.username, "supervisor", PERSON.password)
        engine.dispose()
        with hub_process(url) as hub:
            rate = asyncio.run(crowd.run(hub))
        with closing(Database(url)) as database:
            query = "SELECT count(*), count(DISTINCT number), count(*) FILTER (WHERE status = 'completed') FROM tickets"
            counts = database.connection.execute(query).fetchone()
        assert counts == (CLIENTS * TICKETS_A_CLIENT,) * 3, counts
    return rate
