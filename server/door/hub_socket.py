"""The hub's side of a WebSocket's wire: what the library does, but a bit at a time and not for ever.

A frame costs some 20 µs, however small. The kernel hands over a quarter of a megabyte at once, 40,000 frames of six
bytes: without a bound, one client's pings or splinters of a message would hold up everybody for a second. So a slice is
taken in at once, the rest slice by slice in the next turns of the loop; and who has not said hello waits for a turn with
everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, CloseCode, Frame, Opcode
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


class HubSocket(ServerConnection):
    """A connection that is read no faster than its client is served, and ended (1008) when it splinters what it says.

    Attributes:
        ended: whether nothing may be said any more: one side has said goodbye, or is gone.
        on_flow: called when the connection ends, when it has taken too little (`paused`), and when it has caught up.
    """

    ended = False
    _held = b""
    _takes_turns = False
    _is_known = False
    _lost = False
    _frames_left = FRAMES_BEFORE_HELLO
    _too_much = False
    _splinters: Pace

    def __init__(self, *arguments: Any, known: Turns, strangers: Turns, **options: Any) -> None:
        """`known`, `strangers`: the turns of those who have said hello and of the others; the rest is the library's."""
        super().__init__(*arguments, **options)
        self.on_flow: Callable[[], None] = _nothing
        self._known, self._strangers = known, strangers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: the connection begins."""
        super().connection_made(transport)
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

    def trust(self) -> None:
        """The client said who it is: its requests have their own limit from now on."""
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
        if self.protocol.state in _OVER and not self.ended:
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
        whole = frame.opcode in DATA_OPCODES and frame.opcode is not Opcode.CONT and frame.fin
        return whole or frame.opcode is Opcode.CLOSE or not self._splinters.take()

    def _end(self) -> None:
        self.ended = True
        self.on_flow()

    def _refuse_more(self) -> None:
        if not self._too_much:
            self._too_much = True
            self.protocol.fail(CloseCode.POLICY_VIOLATION, "too many frames")
            self.send_data()


def _nothing() -> None: ...
