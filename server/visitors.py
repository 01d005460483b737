"""Who is connected: the silent, those whose session is over and the revoked are sent away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable
from time import monotonic
from typing import Any

from core.errors import HubError
from core.protocol import CLOSE_UNAUTHENTICATED, SILENCE_SECONDS
from server.connection import ClientConnection
from server.door.access import Access
from server.metrics import Metrics

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
ASK_SECONDS = 10.0
"""How often the database is asked who may stay, even if nothing was heard of: another hub may have ended a session."""


class Visitors:
    """The clients of one hub; `keep` is its chore."""

    def __init__(self, access: Access, metrics: Metrics) -> None:
        self._access = access
        self._metrics = metrics
        self._clients: set[ClientConnection] = set()
        self._changed = asyncio.Event()
        self._asked_at = monotonic()
        access.on_sessions = self.look_again

    def arrive(self, client: ClientConnection) -> None:
        """This one is connected now."""
        self._clients.add(client)

    def leave(self, client: ClientConnection) -> None:
        """This one is gone."""
        self._clients.discard(client)

    def look_again(self) -> None:
        """Somebody may have been revoked, disabled or signed out: the database is asked at once."""
        self._changed.set()

    async def keep(self) -> None:
        """Every second, and at once after `look_again`: sends away who may not stay."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._changed.wait()
            # Looked at once a second: who is silent must be gone when the fifteen seconds are over, not a second later.
            await _all(client.close_if_silent(SILENCE_SECONDS - SWEEP_SECONDS) for client in self._clients)
            now = monotonic()
            await self._send_away(
                {client for client in self._clients if client.principal and client.principal.ends_at <= now},
                "session ended",
            )
            if self._changed.is_set() or now - self._asked_at > ASK_SECONDS:
                await self._look_for_revoked()

    async def _look_for_revoked(self) -> None:
        """Sends away who is not admitted any more; without a database it is asked again in a second."""
        self._changed.clear()
        known = {client: client.principal for client in self._clients if client.principal is not None}
        try:
            admitted = await self._access.still_admitted({each.secret_hash for each in known.values()})
        except HubError:
            self._asked_at = monotonic() - ASK_SECONDS
            return
        except Exception:
            log.exception("Who may stay could not be asked; it is asked again")
            return
        self._asked_at = monotonic()
        gone = {client for client, each in known.items() if admitted.get(each.secret_hash) != each.role}
        await self._send_away(gone, "revoked")

    async def _send_away(self, clients: set[ClientConnection], reason: str) -> None:
        staying = {client for client in clients if not client.leaving}
        for client in staying:
            self._metrics.refuse_connection("revoked")
            if client.principal is not None:
                log.info("%s is sent away: %s", client.principal.actor, reason)
        await _all(client.close(CLOSE_UNAUTHENTICATED, reason) for client in staying)


async def _all(closing: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*closing, return_exceptions=True)
