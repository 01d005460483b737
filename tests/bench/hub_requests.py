"""Request and reply without the database, on sixteen connections: the hub's `ping` against a bare websockets echo."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from time import monotonic

from tests.bench.clinic_of_screens import Screens, measured
from tests.bench.readers import PING, Readers, upgraded
from tests.bench.readers import screens as devices
from tests.bench.report import Figure, Spread

CONNECTIONS = 16
WINDOW_SECONDS = 0.5


def figures(screens: Screens, rounds: int) -> Iterator[Figure]:
    """Replies per second; each client sends its next request when it has a reply."""
    rates: dict[str, list[float]] = {"hub": [], "echo": []}
    processor: dict[str, list[float]] = {"hub": [], "echo": []}
    with measured(screens.url) as side:
        crowds = {
            "hub": devices(side.ports["hub"], screens.monitor, CONNECTIONS),
            "echo": upgraded(side.ports["echo"], CONNECTIONS),
        }
        readers = {way: Readers(sockets) for way, sockets in crowds.items()}
        with closing(readers["hub"]), closing(readers["echo"]):
            for number in range(-1, max(rounds // 20, 3)):
                for way, crowd in readers.items():
                    before = side.do("worked")
                    found = replies_a_second(crowd, crowds[way])
                    worked = side.do("worked") - before
                    if number >= 0:
                        rates[way].append(found)
                        processor[way].append(worked / (found * WINDOW_SECONDS) * 1e6)
    hub, echo = Spread.of(rates["hub"]), Spread.of(rates["echo"])
    yield Figure(f"ping, {CONNECTIONS} connections", "/s", hub, "websockets + msgspec", echo, at_least=0.8)
    of_hub, of_echo = Spread.of(processor["hub"]), Spread.of(processor["echo"])
    yield Figure("  processor's time, each", "µs", of_hub, "websockets + msgspec", of_echo)


def replies_a_second(crowd: Readers, sockets: list[socket.socket]) -> float:
    """Returns the replies per second of WINDOW_SECONDS; then every client has its last reply."""
    answered = waiting = 0
    ends = monotonic() + WINDOW_SECONDS
    send = {each.fileno(): partial(each.send, PING) for each in sockets}

    def take(client: int, _data: bytes, now: float) -> bool:
        nonlocal answered, waiting
        if now < ends:
            answered += 1
            send[client]()
        else:
            waiting -= 1
        return waiting == 0

    for ask in send.values():
        ask()
        waiting += 1
    crowd.pass_on(WINDOW_SECONDS + 5, take)
    assert waiting == 0, "the hub left requests unanswered"
    return answered / WINDOW_SECONDS
