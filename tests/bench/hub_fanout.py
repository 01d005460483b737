"""One event to the last of many clients: the hub, bare asyncio with the same bytes, and `websockets.broadcast`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, closing
from time import monotonic

from core.wire.protocol import push_frame
from server.door.visibility import event_view
from server.pushes.outbox import text_frame
from tests.bench.clinic_of_screens import FIRST_REVISION, Screens, Side, measured
from tests.bench.hub_side import SERVICE, WAITING, event
from tests.bench.readers import Readers, connect, request, upgraded
from tests.bench.readers import screens as devices
from tests.bench.report import Figure, Spread, p99

CROWDS = (100, 1000)
WAYS = ("hub", "raw", "broadcast")
FRAME_BYTES = len(text_frame(push_frame("queue.event", event_view(event(FIRST_REVISION, WAITING), "public"))))
WARM_UP = 5
GATHER_SECONDS = 10


def figures(screens: Screens, rounds: int) -> Iterator[Figure]:
    """Delay of an event for each size of crowd, and from a join's reply to the last window."""
    for clients in CROWDS:
        with measured(screens.url) as side:
            times, processor = fan_out(
                side, screens, clients, max(rounds // 2 if clients < 500 else rounds // 4, 20)
            )
        hub, raw, broadcast = (Spread.of(times[way]) for way in WAYS)
        what = f"one event to the last of {clients:,} clients"
        worst = ", ".join(f"{way} {p99(times[way]):.1f}" for way in WAYS)
        yield Figure(what, "ms", hub, "raw asyncio", raw, at_most=1.4, note=f"p99 in ms: {worst}")
        yield Figure("  the same event", "ms", hub, "websockets.broadcast", broadcast)
        of_hub, of_raw = Spread.of(processor["hub"]), Spread.of(processor["raw"])
        yield Figure(f"  processor's time, {clients:,} clients", "ms", of_hub, "raw asyncio", of_raw)
        if clients == CROWDS[0]:
            behind = Spread.of(commit_to_last(screens, clients, max(rounds // 4, 20)))
            what = f"a join's reply here, to the last of {clients} clients"
            yield Figure(what, "ms", behind, "raw fan-out", raw, at_most=1.5)


def fan_out(
    side: Side, screens: Screens, clients: int, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Returns milliseconds to the last client, and milliseconds of CPU, by way; the ways' order is random."""
    side.do("stop_change_watch")
    opened = {
        "raw": [connect(side.ports["raw"]) for _ in range(clients)],
        "broadcast": upgraded(side.ports["broadcast"], clients),
        "hub": devices(side.ports["hub"], screens.monitor, clients),
    }
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    processor: dict[str, list[float]] = {way: [] for way in WAYS}
    with ExitStack() as stack:
        crowds = {way: stack.enter_context(closing(Readers(sockets))) for way, sockets in opened.items()}
        deadline = monotonic() + GATHER_SECONDS
        while not side.do("gathered", clients):
            assert monotonic() < deadline, "not every client was accepted"
        for number in range(-WARM_UP, rounds):
            # The hub closes silent connections; the clients of the raw server ping as often, for a fair comparison.
            crowds["hub"].stay()
            crowds["raw"].stay()
            for way in random.sample(WAYS, len(WAYS)):
                side.ask("send_event", way)
                last = crowds[way].count(clients * FRAME_BYTES)
                began, worked = side.answer()
                if number >= 0:
                    times[way].append((last - began) * 1000)
                    processor[way].append(worked * 1000)
    return times, processor


def commit_to_last(screens: Screens, clients: int, rounds: int) -> list[float]:
    """Returns milliseconds from a join's reply until the last of `clients` windows has the event."""
    behind = []
    with measured(screens.url) as side:
        sockets = devices(side.ports["hub"], screens.monitor, clients)
        [kiosk] = devices(side.ports["hub"], screens.kiosk, 1)
        with closing(Readers([kiosk, *sockets])) as crowd:
            for number in range(-WARM_UP, rounds):
                replied, last = _one_join(crowd, kiosk.fileno(), number)
                if number >= 0:
                    behind.append((last - replied) * 1000)
    return behind


def _one_join(crowd: Readers, kiosk: int, number: int) -> tuple[float, float]:
    """Joins; returns when the reply came and when the last client had the event."""
    lacking = set(crowd.numbers()) - {kiosk}
    replied: list[float] = []
    last: list[float] = []

    def take(client: int, data: bytes, now: float) -> bool:
        if client == kiosk and b'"result"' in data:
            replied.append(now)
        elif b'"kind":"joined"' in data:
            lacking.discard(client)
            last[:] = [now]
        return bool(replied) and not lacking

    crowd.send(kiosk, request(1000 + number, "tickets.join", service=SERVICE, key=f"bench-{monotonic()}"))
    crowd.pass_on(5.0, take)
    assert replied, "the join was not answered"
    assert not lacking, f"{len(lacking)} clients did not get the event"
    return replied[0], last[0]
