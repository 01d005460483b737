"""`make bench`: speeds as ratios of two things measured in turn in one run. Prints a table and writes JSON.

Not a test: nothing here fails a build.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from server.postgres.embedded import EmbeddedPostgres
from tests.bench import crowd, engine, hub_fanout, hub_frozen, hub_herd, hub_memory, hub_requests, wire
from tests.bench.clinic import bench_database
from tests.bench.clinic_of_screens import clinic_of_screens
from tests.bench.report import Figure, table, write

GROUPS = ("engine", "wire", "crowd", "hub")
OF_THE_HUB = (hub_fanout, hub_requests, hub_frozen, hub_herd, hub_memory)


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how often each operation is measured")
    parser.add_argument("--only", choices=GROUPS, help="measure only this group of figures")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    arguments = parser.parse_args()
    figures = []
    for figure in measure(arguments.rounds, [arguments.only] if arguments.only else GROUPS):
        figures.append(figure)
        print(f"{figure.what} …", flush=True)
    print(f"\nMedians, with the quartiles around them.\n\n{table(figures)}")
    write(figures, arguments.json)


def measure(rounds: int, groups: list[str] | tuple[str, ...]) -> Iterator[Figure]:
    """The figures of the groups, on a server of their own."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        if "engine" in groups or "wire" in groups:
            with bench_database(server.start()) as url:
                if "engine" in groups:
                    yield from engine.figures(url, rounds)
                if "wire" in groups:
                    yield from wire.figures(url, rounds)
        if "crowd" in groups:
            yield from crowd.figures(server.start(), rounds)
        if "hub" in groups:
            with clinic_of_screens(server.start()) as screens:
                for part in OF_THE_HUB:
                    yield from part.figures(screens, rounds)


if __name__ == "__main__":
    main()
