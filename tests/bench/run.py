"""`make bench`: speeds as ratios of two things measured alternately in one run. Prints a table and writes JSON.

Not a test: nothing here fails a build. A first set; the engine's and the hub's full sets grow with them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

import psycopg

from core.hub_client import HubClient
from core.session import PersonCredentials
from server import administration
from server.database import administration_engine, driver_url
from server.embedded_postgres import EmbeddedPostgres
from server.probes.scratch_hub import hub_process, scratch_database

SHORT, LONG = 10, 10_000
PASSWORD = "only for the bench"


@dataclass
class Comparison:
    """Two medians in milliseconds, their ratio, and the ratio that is wanted."""

    what: str
    against: str
    subject_ms: float
    reference_ms: float
    ratio: float
    goal: float


class Database:
    """The SQL functions by the bare driver, on one connection."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(driver_url(url), autocommit=True)

    def call(self, function: str, *arguments: object) -> str:
        """One operation."""
        places = ", %s" * len(arguments)
        row = self._connection.execute(
            f"SELECT {function}('user:1', %s, ''{places})::text", (str(uuid4()), *arguments)
        ).fetchone()
        assert row is not None
        return str(row[0])

    def fill(self, service: str, waiting: int) -> None:
        """Puts so many patients in a line."""
        self._connection.execute(
            "SELECT count(join_queue('user:1', gen_random_uuid()::text, '', %s)) FROM generate_series(1, %s)",
            (service, waiting),
        )
        self._connection.execute("ANALYZE")

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def compare(
    what: str,
    subject: Callable[[], object],
    against: str,
    reference: Callable[[], object],
    goal: float,
    rounds: int,
) -> Comparison:
    """The median time of each, measured in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for spent, run in zip(times, (subject, reference), strict=True):
            started = perf_counter()
            run()
            spent.append((perf_counter() - started) * 1000)
    first, second = median(times[0]), median(times[1])
    return Comparison(what, against, round(first, 3), round(second, 3), round(first / second, 2), goal)


def flat_cost(database: Database, rounds: int) -> list[Comparison]:
    """A call and a join cost the same in a long line as in a short one; the lines keep their lengths."""
    database.fill("S", SHORT)
    database.fill("L", LONG)

    def join(service: str) -> None:
        database.call("join_queue", service)

    def call(counter: str) -> None:
        ticket = json.loads(database.call("call_next_patient", counter))["result"]["ticket"]["id"]
        database.call("finish_consultation", ticket, "completed")

    joins = compare(
        f"join at the end, {LONG} waiting",
        lambda: join("L"),
        f"{SHORT} waiting",
        lambda: join("S"),
        1.5,
        rounds,
    )
    calls = compare(
        f"call and complete, {LONG} waiting",
        lambda: call("RL"),
        f"{SHORT} waiting",
        lambda: call("RS"),
        1.5,
        rounds,
    )
    return [joins, calls]


def over_the_wire(database: Database, url: str, rounds: int) -> list[Comparison]:
    """An operation through the hub and its client against the same SQL by the bare driver."""
    with hub_process(url) as hub, asyncio.Runner() as runner:
        client = HubClient(hub, PersonCredentials("bench", PASSWORD), follow=False)

        async def connect() -> None:
            client.start()
            await client.live()

        def wait(request: Callable[[], Awaitable[object]]) -> None:
            async def ask() -> None:
                await request()

            runner.run(ask())

        runner.run(connect())
        joins = compare(
            "join over the wire, 1 client",
            lambda: wait(lambda: client.join_queue("S")),
            "bare driver",
            lambda: database.call("join_queue", "S"),
            2.0,
            rounds,
        )
        runner.run(client.aclose())
    return [joins]


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder)) as server,
        scratch_database(server.start()) as url,
    ):
        results = measure(url, arguments.rounds)
    width = max(len(result.what) for result in results)
    for result in results:
        print(
            f"{result.what:<{width}}  {result.subject_ms:8.2f} ms   {result.against:<12} {result.reference_ms:8.2f} ms   "
            f"× {result.ratio:.2f} (goal ≤ {result.goal})"
        )
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=2))


def measure(url: str, rounds: int) -> list[Comparison]:
    """All comparisons on one database."""
    engine = administration_engine(url)
    for code, prefix, counter in (("S", "S", "RS"), ("L", "L", "RL")):
        administration.add_service(engine, code, code, prefix)
        administration.add_counter(engine, counter, counter, [code])
    administration.add_user(engine, "bench", "staff", PASSWORD)
    engine.dispose()
    database = Database(url)
    try:
        return flat_cost(database, rounds) + over_the_wire(database, url, rounds)
    finally:
        database.close()


if __name__ == "__main__":
    main()
