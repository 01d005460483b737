"""Closes the connections of clients that are silent, revoked, or whose session has ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from time import monotonic

from core.errors import HubError
from core.line.tickets import SignedIn
from core.wire.protocol import CLOSE_SILENT, CLOSE_UNAUTHENTICATED
from server.chores import Chores
from server.connections.connection import ClientConnection
from server.door.access import Access
from server.door.known_clients import Principal
from server.health.metrics import Metrics
from server.timings import Timings

log = logging.getLogger(__name__)

GOODBYES_AT_ONCE = 2
"""Connections closed in one turn of the loop (DECISIONS: What may block the hub's loop?)."""
ASK_AGAIN_SECONDS = 1.0
"""Pause after the database did not answer."""


class Visitors:
    """The clients of one hub.

    Attributes:
        on_person: called when a person has signed in.
    """

    def __init__(self, access: Access, metrics: Metrics, timings: Timings) -> None:
        self._access = access
        self._metrics = metrics
        self._timings = timings
        self._clients: set[ClientConnection] = set()
        self._changed = asyncio.Event()
        self.on_person: Callable[[], None] = lambda: None
        access.on_sessions = self.look_again

    def arrive(self, client: ClientConnection) -> None:
        """Adds a connected client."""
        self._clients.add(client)

    def leave(self, client: ClientConnection) -> None:
        """Removes a client whose connection has ended."""
        self._clients.discard(client)

    def people(self) -> list[int]:
        """Ids of the accounts that are connected, sorted."""
        actors = {
            client.principal.actor for client in self._clients if client.principal and not client.leaving
        }
        return sorted(int(actor.removeprefix("user:")) for actor in actors if actor.startswith("user:"))

    def look_again(self) -> None:
        """Checks all clients in the database at once: one may have been revoked, disabled or signed out."""
        self._changed.set()

    def elsewhere(self, person: Principal) -> tuple[SignedIn, ...]:
        """Returns the person's connections with other sessions, the oldest first; none for a device."""
        visits = [
            client.visit
            for client in self._clients
            if client.principal is not None
            and client.visit is not None
            and client.principal.actor == person.actor
            and client.principal.secret_hash != person.secret_hash
        ]
        return tuple(sorted(visits, key=lambda visit: visit.since))

    def start(self, chores: Chores) -> None:
        """Starts two chores: a slow database delays the check of sessions, not the sweep of silent clients."""
        chores.start("sweep of silent clients", self._keep_sweeping)
        chores.start("check of who may stay", self._keep_asking)

    async def _keep_sweeping(self) -> None:
        """Every `timings.sweep`: closes silent connections and those whose session has ended."""
        async with asyncio.TaskGroup() as goodbyes:
            while True:
                await asyncio.sleep(self._timings.sweep)
                await self._send_away(goodbyes, self._silent(), CLOSE_SILENT, "silent")
                await self._send_away(goodbyes, self._ended(), CLOSE_UNAUTHENTICATED, "session ended")

    async def _keep_asking(self) -> None:
        """Closes revoked connections: every `timings.admission`, at once after `look_again`, 1 s after a failed check.

        It polls because another hub may have ended a session.
        """
        async with asyncio.TaskGroup() as goodbyes:
            while True:
                self._changed.clear()
                revoked = await self._revoked()
                await self._send_away(goodbyes, revoked or (), CLOSE_UNAUTHENTICATED, "revoked")
                with contextlib.suppress(TimeoutError):
                    seconds = self._timings.admission if revoked is not None else ASK_AGAIN_SECONDS
                    async with asyncio.timeout(seconds):
                        await self._changed.wait()

    def _silent(self) -> list[ClientConnection]:
        until = monotonic() - self._timings.silent
        return [client for client in self._clients if client.heard_at < until]

    def _ended(self) -> list[ClientConnection]:
        now = monotonic()
        return [client for client in self._clients if client.principal and client.principal.ends_at <= now]

    async def _revoked(self) -> list[ClientConnection] | None:
        """Clients that are no longer admitted; None if the database did not answer."""
        principals = {client: client.principal for client in self._clients if client.principal is not None}
        try:
            admitted = await self._access.still_admitted(
                {principal.secret_hash for principal in principals.values()}
            )
        except HubError:
            return None
        return [
            client
            for client, principal in principals.items()
            if admitted.get(principal.secret_hash) != principal.role
        ]

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
                log.info("%s: connection closed: %s", client.principal.actor, reason)
            goodbyes.create_task(_say_goodbye(client, code, reason))


async def _say_goodbye(client: ClientConnection, code: int, reason: str) -> None:
    try:
        await client.close(code, reason)
    except Exception:
        log.exception("Closing a connection failed")
