"""Who is connected: the silent, those whose session is over and the revoked are sent away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from time import monotonic

from core.errors import HubError
from core.wire.protocol import CLOSE_SILENT, CLOSE_UNAUTHENTICATED, SILENCE_SECONDS
from server.chores import Chores
from server.connections.connection import GOODBYE_SECONDS, ClientConnection
from server.door.access import Access
from server.health.metrics import Metrics

log = logging.getLogger(__name__)

SWEEP_SECONDS = 0.25
SILENT_SECONDS = SILENCE_SECONDS - GOODBYE_SECONDS - 2 * SWEEP_SECONDS
"""Who is silent for so long is sent away: noticed a sweep later, gone after the goodbye, and a sweep to spare."""
GOODBYES_AT_ONCE = 2
"""In one turn of the loop: each costs it up to 0.7 ms."""
ASK_SECONDS = 10.0
"""How often the database is asked who may stay, even if nothing was heard of: another hub may have ended a session."""
ASK_AGAIN_SECONDS = 1.0


class Visitors:
    """The clients of one hub."""

    def __init__(self, access: Access, metrics: Metrics) -> None:
        self._access = access
        self._metrics = metrics
        self._clients: set[ClientConnection] = set()
        self._changed = asyncio.Event()
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

    def start(self, chores: Chores) -> None:
        """Begins to send away who may not stay; two chores, since the database may take long to answer."""
        chores.start("sweep of silent clients", self._keep_sweeping)
        chores.start("check of who may stay", self._keep_asking)

    async def _keep_sweeping(self) -> None:
        """Every quarter of a second."""
        async with asyncio.TaskGroup() as goodbyes:
            while True:
                await asyncio.sleep(SWEEP_SECONDS)
                await self._send_away(goodbyes, self._silent(), CLOSE_SILENT, "silent")
                await self._send_away(goodbyes, self._ended(), CLOSE_UNAUTHENTICATED, "session ended")

    async def _keep_asking(self) -> None:
        """Every ten seconds, and at once after `look_again`; a second after the database did not answer."""
        async with asyncio.TaskGroup() as goodbyes:
            while True:
                self._changed.clear()
                revoked = await self._revoked()
                await self._send_away(goodbyes, revoked or (), CLOSE_UNAUTHENTICATED, "revoked")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ASK_SECONDS if revoked is not None else ASK_AGAIN_SECONDS):
                        await self._changed.wait()

    def _silent(self) -> list[ClientConnection]:
        until = monotonic() - SILENT_SECONDS
        return [client for client in self._clients if client.heard_at < until]

    def _ended(self) -> list[ClientConnection]:
        now = monotonic()
        return [client for client in self._clients if client.principal and client.principal.ends_at <= now]

    async def _revoked(self) -> list[ClientConnection] | None:
        """Who is not admitted any more; None if the database did not tell."""
        known = {client: client.principal for client in self._clients if client.principal is not None}
        try:
            admitted = await self._access.still_admitted({each.secret_hash for each in known.values()})
        except HubError:
            return None
        return [client for client, each in known.items() if admitted.get(each.secret_hash) != each.role]

    async def _send_away(
        self, goodbyes: asyncio.TaskGroup, clients: Iterable[ClientConnection], code: int, reason: str
    ) -> None:
        staying = [client for client in clients if not client.leaving]
        for place, client in enumerate(staying):
            if place % GOODBYES_AT_ONCE == GOODBYES_AT_ONCE - 1:
                await asyncio.sleep(0)
            client.leaving = True
            self._metrics.refuse_connection("silent" if code == CLOSE_SILENT else "revoked")
            if client.principal is not None and code != CLOSE_SILENT:
                log.info("%s is sent away: %s", client.principal.actor, reason)
            goodbyes.create_task(_say_goodbye(client, code, reason))


async def _say_goodbye(client: ClientConnection, code: int, reason: str) -> None:
    try:
        await client.close(code, reason)
    except Exception:
        log.exception("A goodbye failed")
