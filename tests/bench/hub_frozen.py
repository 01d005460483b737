"""1,000 events/s while one client in ten reads nothing: the other clients' delays, and the frozen client's memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

from tests.bench.clinic_of_screens import Screens, Side, measured
from tests.bench.readers import Readers
from tests.bench.readers import screens as devices
from tests.bench.report import Figure, Spread, p99

CLIENTS, FROZEN = 20, 2
EVENTS_A_SECOND, PHASE_SECONDS = 1000, 1.5
LATE_SECONDS = 5.0
MOST_BYTES = 256_000
LONGEST_SNAPSHOT = 200_000
_PUSH = re.compile(
    rb'"method":"queue\.(event|snapshot)","params":\{"service":"S",(?:"epoch":"[^"]*",)?"revision":(\d+)'
)


@dataclass
class Received:
    """What a client read in a phase: the bytes, and marks (number of bytes so far, monotonic seconds)."""

    data: bytearray = field(default_factory=bytearray)
    marks: list[tuple[int, float]] = field(default_factory=list)

    def add(self, part: bytes, now: float) -> bool:
        """Adds a part; returns False, because more may come."""
        self.data += part
        self.marks.append((len(self.data), now))
        return False

    def arrivals(self, first: int) -> list[float]:
        """Returns when the client had each revision from `first` on, by its event or by a snapshot."""
        found: list[float] = []
        marks = iter(self.marks)
        size, when = next(marks, (0, 0.0))
        for match in _PUSH.finditer(self.data):
            while size < match.end():
                size, when = next(marks)
            ahead = int(match[2]) - first + 1 - len(found)
            assert ahead == 1 or match[1] == b"snapshot", "an event was lost, doubled or out of order"
            found += [when] * ahead
        return found


def figures(screens: Screens, rounds: int) -> Iterator[Figure]:
    """The reading clients' delays with and without frozen clients in the same run, and a frozen client's memory.

    Raises AssertionError if a client missed an event, or did not catch up.
    """
    calm: list[list[float]] = []
    stormy: list[list[float]] = []
    queued: list[int] = []
    with measured(screens.url) as side:
        side.do("stop_change_watch")
        crowd = Readers(devices(side.ports["hub"], screens.monitor, CLIENTS))
        with closing(crowd):
            phase(side, crowd, 0)
            for _ in range(max(rounds // 50, 2)):
                calm.append(phase(side, crowd, 0)[0])
                delays, held = phase(side, crowd, FROZEN)
                stormy.append(delays)
                queued += held
    what = f"{EVENTS_A_SECOND:,} events/s, {FROZEN} of {CLIENTS} clients frozen: the others"
    halves = [Spread.of([p(values) for values in phases]) for p in (_p50, p99) for phases in (stormy, calm)]
    yield Figure(f"{what}, p50", "ms", halves[0], "none frozen", halves[1], at_most=1.1)
    yield Figure(f"{what}, p99", "ms", halves[2], "none frozen", halves[3], at_most=1.5)
    goal = MOST_BYTES / 1000
    kept = Spread.of([each / 1000 for each in queued])
    what = "a frozen client, in the hub and its kernel"
    yield Figure(what, "kB", kept, "goal", Spread(goal, goal, goal), at_most=1.0)


def phase(side: Side, crowd: Readers, frozen: int) -> tuple[list[float], list[int]]:
    """Sends events; returns the reading clients' delays in ms, and the bytes queued for each frozen client."""
    crowd.stay()
    numbers = crowd.numbers()
    # Every phase measures the same clients: the hub writes to the first of twenty before the last.
    sleeping, reading = numbers[:frozen], set(numbers[FROZEN:])
    received = {number: Received() for number in numbers}
    crowd.stop(sleeping)
    side.ask("storm", EVENTS_A_SECOND, PHASE_SECONDS)
    crowd.pass_on(PHASE_SECONDS + 0.3, lambda client, data, now: received[client].add(data, now))
    first, began = side.answer()
    last = first + len(began) - 1
    settle(crowd, received, reading, last)
    held = sorted(side.do("queued"))[-frozen:] if frozen else []
    assert not frozen or side.do("behind") >= frozen, (
        "the frozen clients are not behind: make the phase longer"
    )
    crowd.resume(sleeping)
    settle(crowd, received, set(numbers), last)
    delays = []
    for number in reading:
        arrivals = received[number].arrivals(first)
        delays += [(arrived - moment) * 1000 for arrived, moment in zip(arrivals, began, strict=True)]
    assert all(len(received[number].arrivals(first)) == len(began) for number in numbers), (
        "a client did not catch up"
    )
    return delays, held


def settle(crowd: Readers, received: dict[int, Received], clients: set[int], last: int) -> None:
    """Reads until these clients have the last revision, LATE_SECONDS at most."""
    wanted = b'"revision":%d' % last

    def all_current() -> bool:
        return all(wanted in received[number].data[-LONGEST_SNAPSHOT:] for number in clients)

    def take(client: int, data: bytes, now: float) -> bool:
        received[client].add(data, now)
        return all_current()

    if not all_current():
        crowd.pass_on(LATE_SECONDS, take)


def _p50(values: list[float]) -> float:
    return Spread.of(values).median
