"""One client's outgoing side. While its socket takes what it is given, frames are written straight to it: no queue, no
task. When it falls behind, nothing more is kept for it: it is owed one snapshot of each line, sent when its socket has
drained. So a frozen client costs a bounded amount of memory and delays nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from server.views import View

log = logging.getLogger(__name__)

BACKLOG_BYTES = 64 * 1024
"""What a client may leave unread in this process before it counts as behind."""


def text_frame(text: bytes) -> bytes:
    """A finished WebSocket frame: server frames are not masked, so every client gets the same bytes."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


class Outbox:
    """The frames to one client, in order.

    Attributes:
        view: which view its pushes are encoded in.
        role: the client's role.
        behind: whether its backlog was dropped and it waits for snapshots.
    """

    def __init__(self, connection: ServerConnection, role: str, view: View) -> None:
        self.role = role
        self.view = view
        self.behind = False
        self._connection = connection
        self._recovery: asyncio.Task[None] | None = None

    async def reply(self, text: bytes) -> None:
        """Writes a reply behind everything written before; waits while this client does not read."""
        self._write(text_frame(text))
        await self._drained()

    def push(self, frame: bytes) -> bool:
        """Writes a finished frame, unless the client is behind or has just fallen behind: False, nothing written."""
        if self.behind or self._connection.transport.get_write_buffer_size() > BACKLOG_BYTES:
            self.behind = True
            return False
        self._write(frame)
        return True

    def recover(self, catch_up: Callable[[], Awaitable[bool]]) -> None:
        """Calls `catch_up` once the socket has drained, and again until it says that the client has everything.

        Until then the client is behind: what is pushed meanwhile is refused, so that catching up comes to an end.
        """
        if self._recovery is None or self._recovery.done():
            self.behind = True
            self._recovery = asyncio.get_running_loop().create_task(self._recover(catch_up))

    async def write_drained(self, frame: bytes) -> None:
        """Writes a frame of a recovery when the socket has taken what was written before."""
        await self._drained()
        self._write(frame)

    async def aclose(self) -> None:
        """Ends a recovery that is under way."""
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)

    async def _recover(self, catch_up: Callable[[], Awaitable[bool]]) -> None:
        try:
            caught_up = False
            while not caught_up:
                await self._drained()
                caught_up = await catch_up()
            self.behind = False
        except ConnectionClosed:
            pass
        except Exception:
            log.exception("A client that was behind could not be caught up")
            self._connection.transport.abort()

    def _write(self, frame: bytes) -> None:
        if self._connection.protocol.state is State.OPEN:
            self._connection.transport.write(frame)

    async def _drained(self) -> None:
        await self._connection.drain()
