"""The hub's side of a WebSocket: parses received bytes in slices, so that no connection can block the loop.

Parsing a frame has a fixed cost, however small the frame (DECISIONS: What does a frame cost the hub?). One read can
return 256 KiB, i.e. 40,000 frames of 6 bytes: one client's pings or fragments would block the loop for a second. So one
slice is parsed at once and the rest slice by slice in the next turns of the loop. Bytes of a connection before its
hello always wait for a turn.

The library does not document the attributes that this needs. `UNDOCUMENTED` lists all of them with the reason; no other
module of the hub uses any, and `pyproject.toml` allows only the tested versions of the library.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from websockets.asyncio.server import Server, ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State

from server.door.limits import Pace
from server.door.turns import Turns

FIRST_BYTES, SLICE_BYTES = 256, 128
"""Slices of at most 42 and 21 frames, i.e. about 1 ms and 0.5 ms. A normal request fits the first one."""
READ_BYTES = 16 * 1024
"""Largest read from the kernel."""
STRANGERS_BYTES = 1024
"""Bytes buffered before hello without pausing the transport, which is dear. They are dropped when the connection ends."""
SPLINTERS_PER_SECOND, SPLINTERS_AT_ONCE = 20, 200
"""Limit of pings, pongs and message fragments; a normal client sends at most one in some seconds."""
FRAMES_BEFORE_HELLO = 16
_OVER = {State.CLOSING, State.CLOSED}
_WHOLE = {Opcode.TEXT, Opcode.BINARY}
UNDOCUMENTED = {
    "transport": "frames are written once for all clients; silent and revoked connections are aborted; reading is paused",
    "paused": "a push skips a client that does not read",
    "drain": "a snapshot is written after its client has read the frames before",
    "process_event": "frames before hello and fragments are counted before the library queues them",
    "send_data": "the answers to a flood of pings are written at once",
    "connection_exc": "cleared at the end, so that the connection does not wait for the garbage collector",
    "recv_messages.frames": "shows whether a request waits",
    "recv_messages.put": "queues a whole text frame without the library's checks of fragments",
    "recv_messages.paused": "no slice is parsed while enough messages wait",
    "recv_messages.pause": "cleared at the end, like `connection_exc`",
    "recv_messages.resume": "parses the held bytes before more are read",
    "protocol.fail": "closes with 1008 on too many frames",
    "protocol.writes": "the answers to a flood of pings are written at once",
    "protocol.max_message_size": "raised after hello; the limit before hello is the documented `max_size`",
    "protocol.parser": "closed at the end, like `connection_exc`",
    "protocol.parser_exc": "cleared at the end, like `connection_exc`",
    "protocol.handshake_exc": "cleared at the end, like `connection_exc`",
    "server.handler": "wrapped, so that `untie` runs when the library is done with a connection",
}
"""Undocumented attributes of the library that the hub uses, by their path from a connection, with the reason.

It also overrides asyncio's callbacks (`connection_made`, `data_received`, …): the library's connection is an
`asyncio.Protocol`.
"""


class HubSocket(ServerConnection):
    """A connection that reads no faster than its requests are answered, and closes with 1008 on too many fragments.

    Attributes:
        ended: whether nothing may be written any more: one side has sent a close frame, or the connection is lost.
        on_flow: called when the connection ends, when its write buffer is full (`is_full`), and when that has drained.
        write: writes finished frames to the transport, without waiting.
    """

    ended = False
    _held = b""
    _takes_turns = False
    _is_known = False
    _lost = False
    _frames_left = FRAMES_BEFORE_HELLO
    _too_much = False
    _splinters: Pace
    write: Callable[[bytes], None]

    def __init__(self, *arguments: Any, known: Turns, strangers: Turns, **options: Any) -> None:
        """`known` and `strangers` have the turns of connections after and before hello; the rest is the library's."""
        super().__init__(*arguments, **options)
        self.on_flow: Callable[[], None] = _nothing
        self._known, self._strangers = known, strangers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio when the connection begins."""
        super().connection_made(transport)
        self.write = self.transport.write
        self._splinters = Pace(SPLINTERS_PER_SECOND, SPLINTERS_AT_ONCE)
        self.recv_messages.resume = self._resume_parsing
        # asyncio's socket transport reads at most this many bytes; transports without the attribute read fewer anyway.
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BYTES

    def untie(self) -> None:
        """Breaks the connection's reference cycles after its end, so that it is freed at once.

        Otherwise its 50 objects would wait for a full collection, which blocks the loop after a crowd (DECISIONS: How
        does one process stay prompt among strangers?).
        """
        self.on_flow = self.recv_messages.pause = self.recv_messages.resume = _nothing
        self.protocol.parser.close()
        # Their tracebacks refer to frames that refer to the connection.
        self.protocol.parser_exc = self.protocol.handshake_exc = self.connection_exc = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio when the connection has ended; the library's part runs in a turn of the strangers."""
        self._lost, self._held = True, b""
        self._end()
        self._strangers.soon(partial(super().connection_lost, exc))

    @property
    def has_more(self) -> bool:
        """Whether a received request waits to be answered."""
        return len(self.recv_messages.frames) > 0

    @property
    def kernel(self) -> socket.socket:
        """The connection's socket; it is closed with the connection."""
        kernel: socket.socket = self.transport.get_extra_info("socket")
        return kernel

    @property
    def unread_bytes(self) -> int:
        """Number of bytes in the write buffer that the kernel has not taken."""
        return self.transport.get_write_buffer_size()

    @property
    def is_full(self) -> bool:
        """Whether the write buffer is full, so that nothing should be written now."""
        return self.paused

    async def drained(self) -> None:
        """Waits while the write buffer is full. Raises ConnectionClosed."""
        await self.drain()

    def hang_up(self) -> None:
        """Aborts the connection without a close frame."""
        self.transport.abort()

    def trust(self, most_bytes: int) -> None:
        """Lifts the limits before hello: the client has signed in. Its messages may have `most_bytes`."""
        self.protocol.max_message_size = most_bytes
        self._frames_left = -1
        self._is_known = True
        # Frees the handshake's headers, 3 kB.
        for handshake in (self.request, self.response):
            if handshake is not None:
                handshake.headers.clear()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with received bytes."""
        if self._is_known and not self._held and not self._too_much and not self.recv_messages.paused:
            super().data_received(data[:FIRST_BYTES])
            data = data[FIRST_BYTES:]
        if data:
            self._held += data
            self._take_a_turn()

    def eof_received(self) -> None:
        """Called by asyncio when the peer has closed its side."""
        self._held = b""
        super().eof_received()

    def send_data(self) -> None:
        """Called by the library to write pending data; joins it, because each send has a fixed cost."""
        pending = self.protocol.writes
        if len(pending) > 2:
            self.protocol.writes = [b"".join(pending), *([b""] if pending[-1] == b"" else [])]
        super().send_data()
        if self.state in _OVER and not self.ended:
            self._end()

    def pause_writing(self) -> None:
        """Called by asyncio when the write buffer is full."""
        super().pause_writing()
        self.on_flow()

    def resume_writing(self) -> None:
        """Called by asyncio when the write buffer has drained."""
        super().resume_writing()
        self.on_flow()

    def process_event(self, event: Frame | Request | Response) -> None:
        """Called by the library with a complete frame or the handshake's request."""
        if isinstance(event, Frame):
            if self._frames_left < 0 and event.opcode is Opcode.TEXT and event.fin and not self._too_much:
                self.recv_messages.put(event)
                return
            if not self._allows(event):
                self._refuse_frames()
                return
        super().process_event(event)

    def _take_a_turn(self) -> None:
        if not self._takes_turns:
            self._takes_turns = True
            (self._known if self._is_known else self._strangers).soon(self._parse_slice)
        if self._is_known or len(self._held) > STRANGERS_BYTES:
            # Nothing is read until the held bytes are parsed: eof_received() would drop them.
            self.transport.pause_reading()

    def _parse_slice(self) -> None:
        """Parses a slice of the held bytes, unless enough requests wait to be answered."""
        self._takes_turns = False
        if self._lost:
            return
        if self._held and not self.recv_messages.paused:
            piece, self._held = self._held[:SLICE_BYTES], self._held[SLICE_BYTES:]
            if self._too_much:
                self._held = b""
            else:
                super().data_received(piece)
        self._resume_parsing()

    def _resume_parsing(self) -> None:
        """Parses held bytes, or else reads more; the library calls it when waiting requests were taken."""
        if self.recv_messages.paused:
            return
        if self._held:
            self._take_a_turn()
        elif not self._takes_turns:
            self.transport.resume_reading()

    def _allows(self, frame: Frame) -> bool:
        if self._too_much or self._frames_left == 0:
            return False
        self._frames_left -= self._frames_left > 0
        whole = frame.opcode in _WHOLE and frame.fin
        return whole or frame.opcode is Opcode.CLOSE or not self._splinters.take()

    def _end(self) -> None:
        self.ended = True
        self.on_flow()

    def _refuse_frames(self) -> None:
        if not self._too_much:
            self._too_much = True
            self.protocol.fail(CloseCode.POLICY_VIOLATION, "too many frames")
            self.send_data()


def untie_when_done(server: Server) -> None:
    """Makes a server call `untie` on each connection when the library is done with it."""
    server.handler = partial(_serve_and_untie, server.handler)


async def _serve_and_untie(serve_it: Callable[[Any], Awaitable[None]], connection: ServerConnection) -> None:
    """Runs the library's handler, from the handshake to the end, then breaks the connection's reference cycles."""
    assert isinstance(connection, HubSocket)
    try:
        await serve_it(connection)
    finally:
        connection.untie()


def _nothing() -> None: ...
