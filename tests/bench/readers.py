"""Many cheap clients in one process: sockets and epoll that count bytes and seldom parse frames.

Every frame that they send has a mask of zero, which servers accept like any other mask.
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
    """Returns a request's frame."""
    body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    text = json.dumps(body, separators=(",", ":")).encode()
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2)
    return b"\x81" + length + bytes(4) + text


def hello(token: str) -> bytes:
    """Returns a device's first frame."""
    return request(1, "session.hello", client="bench", credentials={"token": token})


def subscribe() -> bytes:
    """Returns a device's second frame."""
    return request(2, "queue.subscribe", services=None)


def connect(port: int) -> socket.socket:
    """Opens a connection to a bare server."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A fixed buffer, which the kernel doesn't let grow: a client that reads nothing fills it soon.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    made.settimeout(WAIT_SECONDS)
    made.connect(("127.0.0.1", port))
    return made


def upgraded(port: int, count: int, context: ssl.SSLContext | None = None) -> list[socket.socket]:
    """Opens `count` WebSocket connections."""
    made = [connect(port) for _ in range(count)]
    if context is not None:
        made = [context.wrap_socket(each, server_hostname="localhost") for each in made]
    for each in made:
        each.sendall(UPGRADE)
    for each in made:
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            received += _some(each, 1)
    return made


def screens(port: int, token: str, count: int, context: ssl.SSLContext | None = None) -> list[socket.socket]:
    """Opens `count` devices that have sent hello and subscribed to every line."""
    made: list[socket.socket] = []
    while len(made) < count:
        batch = upgraded(port, min(AT_ONCE, count - len(made)), context)
        for each in batch:
            each.sendall(hello(token) + subscribe())
        for each in batch:
            for answer in (frame_from(each), frame_from(each)):
                assert b'"result"' in answer, answer
        made += batch
    return made


def frame_from(connection: socket.socket) -> bytes:
    """Reads the next frame's text."""
    length = _some(connection, 2)[1]
    if length >= 126:
        length = int.from_bytes(_some(connection, 2 if length == 126 else 8))
    return _some(connection, length)


def _some(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        assert chunk, "the connection was closed"
        received += chunk
    return received


PING = request(PING_ID, "ping")


class Readers:
    """Sockets that are read as soon as data arrives."""

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
        """Reads `expected` bytes over all sockets; returns when the last byte arrived (monotonic seconds).

        Polls without sleeping. A writer would pay for waking a sleeping reader, but only a writer so slow that the reader
        falls asleep between two frames; a clinic's windows sleep on computers of their own.
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
        """Pings on every connection when it is time, and waits for the answers: the hub closes silent connections."""
        if monotonic() - self._stayed < PING_SECONDS:
            return
        self._stayed = monotonic()
        lacking = set(self._by_number)
        for number in self._by_number:
            self.send(number, PING)

        def take(client: int, data: bytes, _now: float) -> bool:
            if b'"id":%d' % PING_ID in data:
                lacking.discard(client)
            return not lacking

        self.pass_on(WAIT_SECONDS, take)
        assert not lacking, f"{len(lacking)} clients got no answer"

    def pass_on(self, seconds: float, take: Callable[[int, bytes, float], bool]) -> None:
        """Calls `take(number, data, monotonic seconds)` for each received part, until that returns True."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            for number, _events in self._poll.poll(left, 2048):
                data = self._by_number[number].recv(65536)
                assert data, "the hub has closed a connection"
                if take(number, data, monotonic()):
                    return

    def send(self, number: int, frame: bytes) -> None:
        """Writes a frame to a socket."""
        self._by_number[number].sendall(frame)

    def numbers(self) -> list[int]:
        """Numbers of all sockets."""
        return list(self._by_number)

    def stop(self, numbers: Sequence[int]) -> None:
        """Stops reading these sockets."""
        for number in numbers:
            self._poll.unregister(number)

    def resume(self, numbers: Sequence[int]) -> None:
        """Reads these sockets again."""
        for number in numbers:
            self._poll.register(number, select.EPOLLIN)

    def close(self) -> None:
        """Closes all sockets."""
        for each in self._by_number.values():
            each.close()
        self._poll.close()
