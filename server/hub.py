"""The hub's sockets: accepts, answers the health pages, sends the silent and the revoked away, stops in order.

No SQL and no rule of the line is here; a connection's life is in `server.connection`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from core.errors import HubError, SetupError
from core.protocol import CLOSE_UNAUTHENTICATED, MAX_REQUEST_BYTES, SILENCE_SECONDS, SUBPROTOCOL
from server import http_pages
from server.connection import ClientConnection
from server.database import Database
from server.parts import HubParts, assemble
from server.queue_operations import Result

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
TIDY_SECONDS = 3600.0
DAY_SECONDS = 20.0
"""How often the schedule of the daily close is looked at."""
CLOSE_SECONDS = 1.0
"""How long a client that is sent away may take to say goodbye; one that is gone never does."""
SEND_BUFFER_BYTES = 64 * 1024
"""The kernel would hide megabytes of backlog behind a frozen client."""


class Hub:
    """One hub on one database.

    Attributes:
        port: the port it listens on, once started.
        parts: what is behind the sockets, once started.
    """

    def __init__(self, database_url: str, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.port = port
        self.parts: HubParts
        self._database = Database(database_url)
        self._host = host
        self._clients: set[ClientConnection] = set()
        self._revocation_due = False
        self._chores: list[asyncio.Task[None]] = []
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://{self._host}:{self.port}/ws"

    @property
    def misses_database(self) -> bool:
        """Whether the database does not answer."""
        return not self._database.available

    async def start(self) -> None:
        """Listens. Raises SetupError when the port is taken, Unavailable without a database."""
        await self._database.open()
        try:
            self.parts = await assemble(self._database)
        except HubError:
            await self._database.close()
            raise
        await self.parts.notifications.start()
        self.parts.notifications.on_configuration = self._look_for_revoked
        loop = asyncio.get_running_loop()
        self._chores = [loop.create_task(chore) for chore in (self._sweep(), self._tidy(), self._keep_days())]
        try:
            self._server = await serve(
                self._serve_client,
                self._host,
                self.port,
                process_request=self._answer_http,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                max_size=MAX_REQUEST_BYTES,
                ping_interval=None,
                close_timeout=CLOSE_SECONDS,
                server_header=None,
            )
        except OSError as error:
            await self.stop()
            raise SetupError(_why_not_listening(error, self._host, self.port)) from error
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        log.info("Listening on %s", self.url)

    async def stop(self) -> None:
        """Says goodbye to every client (1001) and lets go of the database."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self.parts.notifications.stop()
        self.parts.access.close()
        await self._database.close()

    async def _serve_client(self, connection: ServerConnection) -> None:
        kernel: socket.socket = connection.transport.get_extra_info("socket")
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        client = ClientConnection(connection, self.parts)
        self._clients.add(client)
        try:
            await client.run()
        finally:
            self._clients.discard(client)

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        return await http_pages.answer(request, str(connection.remote_address[0]), self.parts)

    def _look_for_revoked(self) -> None:
        self._revocation_due = True

    async def _close_revoked(self) -> None:
        """Sends away who is not admitted any more; without a database it stays due."""
        admitted = await self.parts.access.admitted()
        self._revocation_due = False
        revoked = [client for client in self._clients if not client.is_admitted(admitted)]
        closing = [client.close(CLOSE_UNAUTHENTICATED, "revoked") for client in revoked]
        await asyncio.gather(*closing, return_exceptions=True)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            silent = [client.close_if_silent(SILENCE_SECONDS) for client in self._clients]
            await asyncio.gather(*silent, return_exceptions=True)
            if self._revocation_due:
                with contextlib.suppress(HubError):
                    await self._close_revoked()

    async def _tidy(self) -> None:
        """Now and every hour: requests that nobody will repeat any more are forgotten."""
        while True:
            with contextlib.suppress(HubError):
                await self._database.call("forget_old_requests")
            await asyncio.sleep(TIDY_SECONDS)

    async def _keep_days(self) -> None:
        """Now and every 20 s: closes the day when it is due; whichever hub asks first does it."""
        while True:
            try:
                closed = await self.parts.operations.close_day_if_due()
                if closed is not None:
                    self.parts.notifications.notify_line_changed(closed.events)
                    log.info("%s", _told(closed.result))
            except HubError as error:
                log.info("Whether the day is to be closed could not be asked: %s", error.message)
            except Exception:
                log.exception("The daily close failed; it is tried again")
            await asyncio.sleep(DAY_SECONDS)


def _why_not_listening(error: OSError, host: str, port: int) -> str:
    if error.errno in {98, 48, 10048}:
        return (
            f"Port {port} on {host} is taken: another hub may be running. Stop it, or choose another --port."
        )
    return f"The hub can't listen on {host}:{port}: {error.strerror or error}."


def _told(closed: Result) -> str:
    """The schedule's daily close in one line."""
    still_open = ", ".join(ticket.number for ticket in closed.consulting) or "none"
    return f"The schedule closed the day: {closed.cancelled} cancelled, consultations left open: {still_open}"
