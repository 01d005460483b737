"""The hub's side of a WebSocket's wire: what the library does, but a bit at a time and not for ever.

A frame costs some 20 µs, however small. The kernel hands over a quarter of a megabyte at once, 40,000 frames of six
bytes: without a bound, one client's pings or splinters of a message would hold up everybody for a second. So a slice is
taken in at once, the rest slice by slice in the next turns of the loop; and who has not said hello waits for a turn with
everything.

The library documents none of this. `UNDOCUMENTED` names all of it that the hub uses, with the reason; no other module of
the hub does, and the requirement in `pyproject.toml` is as tight as what was tested.
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
"""At most 42 and 21 frames, so a millisecond and half of one; an honest request is seldom longer than the first."""
READ_BYTES = 16 * 1024
"""What is taken from the kernel at a time, at most."""
STRANGERS_BYTES = 1024
"""To stop reading and begin again costs 40 µs: a stranger's crumbs are collected, and dropped when it goes."""
SPLINTERS_PER_SECOND, SPLINTERS_AT_ONCE = 20, 200
"""Pings, pongs and pieces of messages: an honest client sends one in seconds, if any."""
FRAMES_BEFORE_HELLO = 16
_OVER = {State.CLOSING, State.CLOSED}
_WHOLE = {Opcode.TEXT, Opcode.BINARY}
UNDOCUMENTED = {
    "transport": "pushes are written once for all clients; who is silent or revoked is hung up on; reading is paused",
    "paused": "a push goes past a client that does not read",
    "drain": "a snapshot is written when its client has taken what came before",
    "process_event": "frames of a stranger and splinters are counted before the library keeps them",
    "send_data": "the answers to a flood of pings are one write",
    "connection_exc": "let go of with the connection, so that nothing of it waits for the garbage collector",
    "recv_messages.frames": "whether a request waits already",
    "recv_messages.put": "a whole text frame goes straight to the queue of messages",
    "recv_messages.paused": "no slice is taken in while enough messages wait",
    "recv_messages.pause": "let go of with the connection",
    "recv_messages.resume": "reading goes on with what is held here, before the kernel is asked for more",
    "protocol.fail": "who sends too many frames is told so (1008)",
    "protocol.writes": "the answers to a flood of pings are one write",
    "protocol.max_message_size": "who said hello may say more; the limit before is the documented `max_size`",
    "protocol.parser": "let go of with the connection",
    "protocol.parser_exc": "let go of with the connection",
    "protocol.handshake_exc": "let go of with the connection",
    "server.handler": "the connection is let go of when the library is done with it, however it ended",
}
"""What the library's reference does not tell of, by the path from a connection: why the hub uses it all the same.

Beside these it overrides asyncio's own callbacks (`connection_made`, `data_received`, …), which the library's connection
has because it is an `asyncio.Protocol`.
"""


class HubSocket(ServerConnection):
    """A connection that is read no faster than its client is served, and ended (1008) when it splinters what it says.

    Attributes:
        ended: whether nothing may be said any more: one side has said goodbye, or is gone.
        on_flow: called when the connection ends, when it has taken too little (`is_full`), and when it has caught up.
        write: hands finished frames to the kernel, without waiting.
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
        """`known`, `strangers`: the turns of those who have said hello and of the others; the rest is the library's."""
        super().__init__(*arguments, **options)
        self.on_flow: Callable[[], None] = _nothing
        self._known, self._strangers = known, strangers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: the connection begins."""
        super().connection_made(transport)
        self.write = self.transport.write
        self._splinters = Pace(SPLINTERS_PER_SECOND, SPLINTERS_AT_ONCE)
        self.recv_messages.resume = self._go_on
        # asyncio reads as much as this attribute of its transport says; what has none reads less by itself.
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BYTES

    def untie(self) -> None:
        """Lets go of all that refers back to it, once nobody serves it any more: it is gone at once then.

        A circle of 50 objects would wait for the garbage's collection, which holds up everybody for 40 ms after a crowd.
        """
        self.on_flow = self.recv_messages.pause = self.recv_messages.resume = _nothing
        self.protocol.parser.close()
        # Their tracebacks have the frames that have the connection.
        self.protocol.parser_exc = self.protocol.handshake_exc = self.connection_exc = None

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: the connection has ended; who waits for that hears of it in a turn of the strangers."""
        self._lost, self._held = True, b""
        self._end()
        self._strangers.soon(partial(super().connection_lost, exc))

    @property
    def has_more(self) -> bool:
        """Whether a request waits already."""
        return len(self.recv_messages.frames) > 0

    @property
    def kernel(self) -> socket.socket:
        """The socket under it; closed with the connection."""
        found: socket.socket = self.transport.get_extra_info("socket")
        return found

    @property
    def unread_bytes(self) -> int:
        """What is written and not yet taken by the kernel."""
        return self.transport.get_write_buffer_size()

    @property
    def is_full(self) -> bool:
        """Whether more is unread than is good: nothing should be written now."""
        return self.paused

    async def drained(self) -> None:
        """Waits while it is full."""
        await self.drain()

    def hang_up(self) -> None:
        """Ends the connection at once, without a goodbye."""
        self.transport.abort()

    def trust(self, most_bytes: int) -> None:
        """The client said who it is: its requests have their own limits from now on, `most_bytes` each."""
        self.protocol.max_message_size = most_bytes
        self._frames_left = -1
        self._is_known = True
        # Nobody reads the handshake's headers any more: 3 kB.
        for handshake in (self.request, self.response):
            if handshake is not None:
                handshake.headers.clear()

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes arrived."""
        if self._is_known and not self._held and not self._too_much and not self.recv_messages.paused:
            super().data_received(data[:FIRST_BYTES])
            data = data[FIRST_BYTES:]
        if data:
            self._held += data
            self._take_a_turn()

    def eof_received(self) -> None:
        """asyncio's: nothing more will come."""
        self._held = b""
        super().eof_received()

    def send_data(self) -> None:
        """The library's: writes what it wants to say, in one piece: a flood's answers are many, a send costs 30 µs."""
        said = self.protocol.writes
        if len(said) > 2:
            self.protocol.writes = [b"".join(said), *([b""] if said[-1] == b"" else [])]
        super().send_data()
        if self.state in _OVER and not self.ended:
            self._end()

    def pause_writing(self) -> None:
        """asyncio's: what is written waits in this process, more than is good."""
        super().pause_writing()
        self.on_flow()

    def resume_writing(self) -> None:
        """asyncio's: most of that has gone."""
        super().resume_writing()
        self.on_flow()

    def process_event(self, event: Frame | Request | Response) -> None:
        """The library's: a frame, or the handshake's request, is complete."""
        if isinstance(event, Frame):
            if self._frames_left < 0 and event.opcode is Opcode.TEXT and event.fin and not self._too_much:
                self.recv_messages.put(event)
                return
            if not self._may_go_on(event):
                self._refuse_more()
                return
        super().process_event(event)

    def _take_a_turn(self) -> None:
        if not self._takes_turns:
            self._takes_turns = True
            (self._known if self._is_known else self._strangers).soon(self._take_in)
        if self._is_known or len(self._held) > STRANGERS_BYTES:
            # Nothing more is read meanwhile, and so neither is the end of what it says.
            self.transport.pause_reading()

    def _take_in(self) -> None:
        """Takes a slice of what was read in, unless enough of it waits to be answered."""
        self._takes_turns = False
        if self._lost:
            return
        if self._held and not self.recv_messages.paused:
            piece, self._held = self._held[:SLICE_BYTES], self._held[SLICE_BYTES:]
            if self._too_much:
                self._held = b""
            else:
                super().data_received(piece)
        self._go_on()

    def _go_on(self) -> None:
        """The library's: what waited was answered. Goes on with what was read in, then reads more."""
        if self.recv_messages.paused:
            return
        if self._held:
            self._take_a_turn()
        elif not self._takes_turns:
            self.transport.resume_reading()

    def _may_go_on(self, frame: Frame) -> bool:
        if self._too_much or self._frames_left == 0:
            return False
        self._frames_left -= self._frames_left > 0
        whole = frame.opcode in _WHOLE and frame.fin
        return whole or frame.opcode is Opcode.CLOSE or not self._splinters.take()

    def _end(self) -> None:
        self.ended = True
        self.on_flow()

    def _refuse_more(self) -> None:
        if not self._too_much:
            self._too_much = True
            self.protocol.fail(CloseCode.POLICY_VIOLATION, "too many frames")
            self.send_data()


def untie_when_done(server: Server) -> None:
    """Has every connection of a server let go of what refers back to it when the library is done with it."""
    server.handler = partial(_serve_and_untie, server.handler)


async def _serve_and_untie(serve_it: Callable[[Any], Awaitable[None]], connection: ServerConnection) -> None:
    """`serve_it` is the library's, from the handshake to the end."""
    assert isinstance(connection, HubSocket)
    try:
        await serve_it(connection)
    finally:
        connection.untie()


def _nothing() -> None: ...
