"""The hub's side of a WebSocket's wire: what the library does, but a bit at a time and not for ever.

A frame costs some 20 µs, however small. The kernel hands over a quarter of a megabyte at once, 40,000 frames of six
bytes: without a bound, one client's pings or splinters of a message would hold up everybody for a second.
"""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, CloseCode, Frame, Opcode
from websockets.http11 import Request, Response

from server.door.limits import Pace

SLICE_BYTES = 1024
READ_BYTES = 16 * 1024
"""What is taken from the kernel at a time, at most."""
SPLINTERS_PER_SECOND, SPLINTERS_AT_ONCE = 20, 200
"""Pings, pongs and pieces of messages: an honest client sends one in seconds, if any."""
FRAMES_BEFORE_HELLO = 16


class HubSocket(ServerConnection):
    """A connection that is read no faster than its client is served, and ended (1008) when it splinters what it says."""

    _held = b""
    _frames_left = FRAMES_BEFORE_HELLO
    _too_much = False
    _splinters: Pace

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: the connection begins."""
        super().connection_made(transport)
        self._splinters = Pace(SPLINTERS_PER_SECOND, SPLINTERS_AT_ONCE)
        self.recv_messages.resume = self._go_on
        # asyncio reads as much as this attribute of its transport says; what has none reads less by itself.
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BYTES

    @property
    def has_more(self) -> bool:
        """Whether a request waits already."""
        return len(self.recv_messages.frames) > 0

    def trust(self) -> None:
        """The client said who it is: its requests have their own limit from now on."""
        self._frames_left = -1
        # Nobody reads the handshake's headers any more: 3 kB.
        for handshake in (self.request, self.response):
            if handshake is not None:
                handshake.headers.clear()

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes arrived."""
        if (
            len(data) <= SLICE_BYTES
            and not self._held
            and not self._too_much
            and not self.recv_messages.paused
        ):
            super().data_received(data)
            return
        self._held += data
        self._take_in()

    def process_event(self, event: Frame | Request | Response) -> None:
        """The library's: a frame, or the handshake's request, is complete."""
        if isinstance(event, Frame):
            if self._frames_left < 0 and event.opcode is Opcode.TEXT and event.fin and not self._too_much:
                self.recv_messages.put(event)
                return
            if not self._may_go_on(event):
                self._end()
                return
        super().process_event(event)

    def _take_in(self) -> None:
        """Takes what was read in, slice by slice, until enough of it waits to be answered."""
        while self._held and not self.recv_messages.paused:
            piece, self._held = self._held[:SLICE_BYTES], self._held[SLICE_BYTES:]
            if not self._too_much:
                super().data_received(piece)

    def _go_on(self) -> None:
        """The library's: what waited was answered."""
        self._take_in()
        if not self.recv_messages.paused:
            self.transport.resume_reading()

    def _may_go_on(self, frame: Frame) -> bool:
        if self._too_much or self._frames_left == 0:
            return False
        self._frames_left -= self._frames_left > 0
        whole = frame.opcode in DATA_OPCODES and frame.opcode is not Opcode.CONT and frame.fin
        return whole or frame.opcode is Opcode.CLOSE or not self._splinters.take()

    def _end(self) -> None:
        if not self._too_much:
            self._too_much = True
            self.protocol.fail(CloseCode.POLICY_VIOLATION, "too many frames")
            self.send_data()
