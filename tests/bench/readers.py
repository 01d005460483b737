"""Many clients in one process that cost next to nothing: sockets and epoll, bytes counted, frames seldom looked at.

The mask of every frame that they send is zero, which is a mask like any other.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

WAIT_SECONDS = 20.0
RECEIVE_BYTES = 64 * 1024
AT_ONCE = 100
PING_SECONDS = 4.0
PING_ID = 7
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: inturn.v1\r\n\r\n"
)


def request(number: int, method: str, **params: Any) -> bytes:
    """A request's frame."""
    body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    text = json.dumps(body, separators=(",", ":")).encode()
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2)
    return b"\x81" + length + bytes(4) + text


def hello(token: str) -> bytes:
    """A device's first frame."""
    return request(1, "session.hello", client="bench", credentials={"token": token})


def subscribe() -> bytes:
    """A device's second frame."""
    return request(2, "queue.subscribe", services=None)


def connect(port: int) -> socket.socket:
    """A connection to a bare server."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Not what the kernel would let it grow to: a client that reads nothing is one soon.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    made.settimeout(WAIT_SECONDS)
    made.connect(("127.0.0.1", port))
    return made


def upgraded(port: int, count: int, context: ssl.SSLContext | None = None) -> list[socket.socket]:
    """So many WebSockets."""
    made = [connect(port) for _ in range(count)]
    if context is not None:
        made = [context.wrap_socket(each, server_hostname="localhost") for each in made]
    for each in made:
        each.sendall(UPGRADE)
    for each in made:
        heard = b""
        while not heard.endswith(b"\r\n\r\n"):
            heard += _some(each, 1)
    return made


def screens(port: int, token: str, count: int, context: ssl.SSLContext | None = None) -> list[socket.socket]:
    """So many devices that have said hello and follow every line."""
    made: list[socket.socket] = []
    while len(made) < count:
        some = upgraded(port, min(AT_ONCE, count - len(made)), context)
        for each in some:
            each.sendall(hello(token) + subscribe())
        for each in some:
            for answer in (frame_from(each), frame_from(each)):
                assert b'"result"' in answer, answer
        made += some
    return made


def frame_from(connection: socket.socket) -> bytes:
    """The next frame's text."""
    length = _some(connection, 2)[1]
    if length >= 126:
        length = int.from_bytes(_some(connection, 2 if length == 126 else 8))
    return _some(connection, length)


def _some(connection: socket.socket, size: int) -> bytes:
    heard = b""
    while len(heard) < size:
        chunk = connection.recv(size - len(heard))
        assert chunk, "the connection was closed"
        heard += chunk
    return heard


PING = request(PING_ID, "ping")


class Readers:
    """Sockets that are read as soon as something comes."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._by_number = {each.fileno(): each for each in sockets}
        self._poll = select.epoll()
        self._stayed = 0.0
        for each in sockets:
            each.setblocking(False)
            self._poll.register(each, select.EPOLLIN)

    def __len__(self) -> int:
        return len(self._by_number)

    def count(self, expected: int) -> float:
        """Reads so many bytes in all; when the last of them was there.

        It does not sleep meanwhile: a writer would pay for waking it, but only one who is so slow that it falls asleep
        between two frames. A clinic's windows sleep on computers of their own.
        """
        buffer, take = memoryview(bytearray(65536)), {n: s.recv_into for n, s in self._by_number.items()}
        poll, left, deadline = self._poll.poll, expected, monotonic() + WAIT_SECONDS
        while left > 0:
            for number, _events in poll(0, 2048):
                left -= take[number](buffer)
            assert monotonic() < deadline, f"{left} of {expected} bytes never came"
        assert left == 0, f"{-left} bytes too many"
        return monotonic()

    def stay(self) -> None:
        """Says `ping` for all of them when it is time, and waits for the answers: the hub sends the silent away."""
        if monotonic() - self._stayed < PING_SECONDS:
            return
        self._stayed = monotonic()
        lacking = set(self._by_number)
        for number in self._by_number:
            self.send(number, PING)

        def take(who: int, data: bytes, _now: float) -> bool:
            if b'"id":%d' % PING_ID in data:
                lacking.discard(who)
            return not lacking

        self.pass_on(WAIT_SECONDS, take)
        assert not lacking, f"{len(lacking)} clients got no answer"

    def pass_on(self, seconds: float, take: Callable[[int, bytes, float], bool]) -> None:
        """Gives each part that comes, by its socket's number and with its moment, to `take` until that says True."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            for number, _events in self._poll.poll(left, 2048):
                data = self._by_number[number].recv(65536)
                assert data, "the hub has closed a connection"
                if take(number, data, monotonic()):
                    return

    def send(self, number: int, frame: bytes) -> None:
        """Writes a frame to one of them."""
        self._by_number[number].sendall(frame)

    def numbers(self) -> list[int]:
        """Of all sockets."""
        return list(self._by_number)

    def stop(self, numbers: Sequence[int]) -> None:
        """These don't read any more."""
        for number in numbers:
            self._poll.unregister(number)

    def go_on(self, numbers: Sequence[int]) -> None:
        """These read again."""
        for number in numbers:
            self._poll.register(number, select.EPOLLIN)

    def close(self) -> None:
        """All of them leave."""
        for each in self._by_number.values():
            each.close()
        self._poll.close()
