"""Writes frames to one client. While the client reads, frames go straight to its transport: no queue, no task.

When the client falls behind, its pushes are dropped. It gets one snapshot of each line when its socket has drained. So a
frozen client costs a bounded amount of memory and delays no other client.
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
"""Size of one write of a large frame: with TLS, a connection's buffer keeps the size of the largest write."""


def text_frame(text: bytes) -> bytes:
    """Encodes a WebSocket text frame: server frames are not masked, so every client gets the same bytes."""
    # RFC 6455, 5.2. Written here because the library's encoder is slow (DECISIONS: What does a frame cost the hub?).
    length = len(text)
    if length < 126:
        return b"\x81" + length.to_bytes(1, "big") + text
    if length < 1 << 16:
        return b"\x81\x7e" + length.to_bytes(2, "big") + text
    return b"\x81\x7f" + length.to_bytes(8, "big") + text


class Outbox:
    """Writes frames to one client, in order.

    Attributes:
        view: the view that the client's pushes are encoded in.
        role: the client's role.
        actor: the client's stable name.
        behind: whether pushes to the client were dropped and it waits for snapshots.
        configuration: revision of the configuration that the client was told last.
    """

    __slots__ = (
        "_behind_since",
        "_connection",
        "_last_method",
        "_ready",
        "_recovery",
        "_write_piece",
        "actor",
        "configuration",
        "role",
        "view",
    )

    def __init__(
        self, connection: HubSocket, role: str, view: View, actor: str = "", configuration: int = 0
    ) -> None:
        self.role = role
        self.view = view
        self.actor = actor
        self.configuration = configuration
        self._behind_since: float | None = None
        self._last_method = ""
        self._connection = connection
        # Looked up once: a push to 1,000 clients reads it 1,000 times.
        self._write_piece = connection.write
        self._recovery: asyncio.Task[None] | None = None
        connection.on_flow = self._update_ready
        self._update_ready()

    async def reply(self, text: bytes) -> None:
        """Writes a reply, then waits until the client has read enough. Raises ConnectionClosed."""
        self._write(text_frame(text))
        await self._drained()

    @property
    def behind(self) -> bool:
        return self._behind_since is not None

    def slowness(self) -> SlowClient | None:
        """The client's entry in `system.health`; None while the client is not behind."""
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
        """Writes a frame. False if the client is behind, or falls behind with this frame: nothing is written.

        True, too, for a closed connection, which needs no recovery.
        """
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
        """Drops pushes from now on, until `caught_up`."""
        if self._behind_since is None:
            self._behind_since = monotonic()
            self._update_ready()

    def caught_up(self) -> None:
        """Writes pushes again; every snapshot that the client needs is written."""
        self._behind_since = None
        self._update_ready()

    def recover(self, catch_up: Callable[[], Awaitable[bool]]) -> None:
        """Starts a task that calls `catch_up` each time the socket has drained, until it returns True.

        The client is behind meanwhile: `push` refuses frames, or the recovery of a slow client would never end.
        """
        if self._recovery is None or self._recovery.done():
            self.fall_behind()
            self._recovery = asyncio.get_running_loop().create_task(self._recover(catch_up))

    async def write_drained(self, frame: bytes, method: str) -> None:
        """Writes a frame of a recovery after the earlier frames have drained. Raises ConnectionClosed."""
        await self._drained()
        self._last_method = method
        self._write(frame)

    async def aclose(self) -> None:
        """Cancels a running recovery."""
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
            log.exception("Recovery of a slow client failed; its connection is dropped")
            self._connection.hang_up()

    def _update_ready(self) -> None:
        """Combines all conditions for a push in one flag: a push to 1,000 clients checks it 1,000 times."""
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
