"""One client's outgoing side. While its socket takes what it is given, frames are written straight to it: no queue, no
task. When it falls behind, nothing more is kept for it: it is owed one snapshot of each line, sent when its socket has
drained. So a frozen client costs a bounded amount of memory and delays nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from websockets.exceptions import ConnectionClosed

from core.wire.system_health import SlowClient
from server.door.hub_socket import HubSocket
from server.door.visibility import View

log = logging.getLogger(__name__)

PIECE_BYTES = 4096
"""A snapshot is handed over in pieces: with TLS, a connection's buffer stays for ever as large as the largest of them."""


def text_frame(text: bytes) -> bytes:
    """A finished WebSocket frame: server frames are not masked, so every client gets the same bytes."""
    # RFC 6455, 5.2. The library's own way takes 4 µs, a fifth of a small reply; this takes 0.2.
    length = len(text)
    if length < 126:
        return b"\x81" + length.to_bytes(1, "big") + text
    if length < 1 << 16:
        return b"\x81\x7e" + length.to_bytes(2, "big") + text
    return b"\x81\x7f" + length.to_bytes(8, "big") + text


class Outbox:
    """The frames to one client, in order.

    Attributes:
        view: which view its pushes are encoded in.
        role: the client's role. actor: its stable name.
        behind: whether its backlog was dropped and it waits for snapshots.
    """

    __slots__ = (
        "_behind_since",
        "_connection",
        "_last_method",
        "_ready",
        "_recovery",
        "_write_piece",
        "actor",
        "role",
        "view",
    )

    def __init__(self, connection: HubSocket, role: str, view: View, actor: str = "") -> None:
        self.role = role
        self.view = view
        self.actor = actor
        self._behind_since: float | None = None
        self._last_method = ""
        self._connection = connection
        # Looked up once: a push to a thousand clients is a thousand times this way.
        self._write_piece = connection.write
        self._recovery: asyncio.Task[None] | None = None
        connection.on_flow = self._look
        self._look()

    async def reply(self, text: bytes) -> None:
        """Writes a reply behind everything written before; waits while this client does not read."""
        self._write(text_frame(text))
        await self._drained()

    @property
    def behind(self) -> bool:
        return self._behind_since is not None

    def slowness(self) -> SlowClient | None:
        """How slow the client is; None while it is not behind."""
        if self._behind_since is None:
            return None
        backlog = self._connection.unread_bytes
        return SlowClient(
            client=self.actor,
            role=self.role,
            behind=monotonic() - self._behind_since,
            last_method=self._last_method,
            unread=backlog,
        )

    def push(self, frame: bytes, method: str) -> bool:
        """Writes a finished frame, unless the client is behind or has just fallen behind: False, nothing written."""
        if not self._ready:
            if not self._connection.ended:
                self.fall_behind()
            return self._connection.ended
        self._last_method = method
        if len(frame) > PIECE_BYTES:
            self._write(frame)
        else:
            self._write_piece(frame)
        return True

    def fall_behind(self) -> None:
        """From now on the client is owed snapshots instead of what it missed."""
        if self._behind_since is None:
            self._behind_since = monotonic()
            self._look()

    def caught_up(self) -> None:
        """The client has everything: what happens from now on is pushed."""
        self._behind_since = None
        self._look()

    def recover(self, catch_up: Callable[[], Awaitable[bool]]) -> None:
        """Calls `catch_up` once the socket has drained, and again until it says that the client has everything.

        Until then the client is behind: what is pushed meanwhile is refused, so that catching up comes to an end.
        """
        if self._recovery is None or self._recovery.done():
            self.fall_behind()
            self._recovery = asyncio.get_running_loop().create_task(self._recover(catch_up))

    async def write_drained(self, frame: bytes, method: str) -> None:
        """Writes a frame of a recovery when the socket has taken what was written before."""
        await self._drained()
        self._last_method = method
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
            self.caught_up()
        except ConnectionClosed:
            pass
        except Exception:
            log.exception("A client that was behind could not be caught up")
            self._connection.hang_up()

    def _look(self) -> None:
        """One flag for all that may stand in a push's way: a push to a thousand clients asks it a thousand times."""
        connection = self._connection
        self._ready = not (connection.is_full or connection.ended or self.behind)

    def _write(self, frame: bytes) -> None:
        if self._connection.ended:
            return
        for start in range(0, len(frame), PIECE_BYTES):
            # A frame that is one piece is sliced without being copied.
            self._write_piece(frame[start : start + PIECE_BYTES])

    async def _drained(self) -> None:
        await self._connection.drained()
