"""The selector returns clients' sockets first, then a few of the strangers', in turn."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from server.door.known_first import AT_ONCE, KnownFirst, Strangers

CROWD = 3 * AT_ONCE


@pytest.fixture
def crowd() -> Iterator[list[socket.socket]]:
    """Sockets that are ready to be read."""
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(CROWD + 2)]
        for ours, theirs in pairs:
            stack.enter_context(ours)
            stack.enter_context(theirs).send(b"x")
        yield [ours for ours, _ in pairs]


def watched(sockets: list[socket.socket], strangers: Strangers) -> KnownFirst:
    """A selector of the sockets: the last two belong to clients."""
    selector = KnownFirst(strangers)
    for ready in sockets:
        selector.register(ready, selectors.EVENT_READ)
    for stranger in sockets[:-2]:
        strangers.arrive(stranger.fileno())
    return selector


def test_clients_come_first_and_strangers_take_turns(crowd: list[socket.socket]) -> None:
    strangers = Strangers()
    clients = [each.fileno() for each in crowd[-2:]]
    served: list[int] = []
    with watched(crowd, strangers) as selector:
        for _ in range(CROWD // AT_ONCE):
            ready = [key.fd for key, _ in selector.select(0)]
            assert sorted(ready[:2]) == sorted(clients)
            assert len(ready) == 2 + AT_ONCE
            served += ready[2:]
    assert sorted(served) == sorted(each.fileno() for each in crowd[:-2])


def test_an_admitted_or_closed_socket_is_no_stranger(crowd: list[socket.socket]) -> None:
    strangers = Strangers()
    with watched(crowd, strangers) as selector:
        for each in crowd[:-2]:
            strangers.leave(each.fileno())
        strangers.leave(crowd[0].fileno())
        assert len(strangers) == 0
        assert len(selector.select(0)) == CROWD + 2


def test_a_single_stranger_is_served(crowd: list[socket.socket]) -> None:
    strangers = Strangers()
    with watched(crowd[:1] + crowd[-2:], strangers) as selector:
        assert len(selector.select(0)) == 3
        crowd[-1].recv(1)
        crowd[-2].recv(1)
        assert [key.fd for key, _ in selector.select(0)] == [crowd[0].fileno()]
