"""The hub's sockets: accepts, answers the health pages, sends the silent and the revoked away, stops in order.

No SQL and no rule of the line is here; a connection's life is in `server.connections.connection`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Origin, Subprotocol

from core.errors import HubError
from core.wire.protocol import CLOSE_TOO_MANY, MAX_HELLO_BYTES, SUBPROTOCOL
from server.chores import BACK_OFF, BackOff, Chores
from server.connections import http_pages
from server.connections.composition import HubComponents, assemble
from server.connections.connection import ClientConnection
from server.connections.visitors import Visitors
from server.database.calls import Database
from server.door.doorway import BACKLOG, Doorway
from server.door.hub_socket import HubSocket, untie_when_done
from server.door.known_first import KnownFirst
from server.door.limits import Limits
from server.door.tls import TlsDoor, TlsFiles
from server.door.turns import Turns
from server.operations.queue_operations import Result
from server.timings import USUAL, Timings

log = logging.getLogger(__name__)
_quiet = logging.getLogger("websockets.hub")
# Anybody can break off a handshake: a traceback each would fill the log and take a millisecond.
_quiet.setLevel(logging.CRITICAL)

SEND_BUFFER_BYTES = 64 * 1024
"""The kernel would hide megabytes of backlog behind a frozen client."""
BACKLOG_BYTES = 64 * 1024
"""What a client may leave unread in this process before it counts as behind."""
UNREAD_FRAMES = 8
"""Requests of one client that are taken in ahead of their turn; the others wait in its computer."""
DEFAULT_LIMITS = Limits()


class Hub:
    """One hub on one database.

    Attributes:
        port: the port it listens on, once started.
        components: what is behind the sockets, once started.
        chores: its tasks beside the requests; when they are `given_up`, the hub is to be stopped.
        timings: how long it waits for what.
    """

    def __init__(
        self,
        database_url: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: TlsFiles | None = None,
        limits: Limits = DEFAULT_LIMITS,
        origins: Sequence[str] = (),
        metrics_from: str = http_pages.OWN_COMPUTER,
        back_off: BackOff = BACK_OFF,
        timings: Timings = USUAL,
    ) -> None:
        """Raises SetupError for TLS files or networks that can't be used.

        Args:
            tls: the certificate and key; without them the hub speaks plainly.
            origins: web pages that may connect, e.g. "https://clinic.example"; programs, which have none, always may.
            metrics_from: networks whose computers may read `/metrics`.
            back_off: how soon a chore that failed is started again. timings: how long the hub waits for what.
        """
        self.port = port
        self.components: HubComponents
        self.chores = Chores(back_off)
        self.timings = timings
        self._database = Database(database_url, timings=timings)
        self._host = host
        self._tls = TlsDoor(tls) if tls else None
        self._limits = limits
        self._origins = [None, *map(Origin, origins)]
        self._readers = http_pages.Readers(metrics_from)
        self._doorway = Doorway(limits)
        self._visitors: Visitors
        self._servers: list[Server] = []
        self._opened = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where clients connect."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'wss' if self._tls else 'ws'}://{host}:{self.port}{http_pages.WEBSOCKET_PATH}"

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """A loop to run this hub on: it serves clients before strangers."""
        if sys.platform == "win32":
            # A selector takes 512 sockets there.
            return asyncio.new_event_loop()
        return asyncio.SelectorEventLoop(KnownFirst(self._doorway.strangers))

    @property
    def misses_database(self) -> bool:
        """Whether the database does not answer."""
        return not self._database.available

    async def start(self) -> None:
        """Listens. Raises SetupError when the port is taken, Unavailable without a database.

        Whatever it has opened is closed when a later step fails.
        """
        async with AsyncExitStack() as opened:
            await self._open_components(opened)
            self._start_chores()
            await self._listen(opened)
            self._opened = opened.pop_all()
        # What is here now stays: looking for garbage among it holds up everybody for 60 ms, again and again.
        gc.freeze()
        log.info("Listening on %s", self.url)

    async def stop(self) -> None:
        """Says goodbye to every client (1001), ends the chores and lets go of the database."""
        await self._opened.aclose()

    def renew_certificate(self) -> None:
        """Loads the certificate's files again, as when they have changed."""
        if self._tls is not None:
            self._tls.renew()

    async def _open_components(self, opened: AsyncExitStack) -> None:
        """What is behind the sockets. What is opened first is closed last."""
        opened.push_async_callback(self._database.close)
        opened.push_async_callback(self.chores.stop)
        await self._database.open(self.chores)
        self.components = await assemble(self._database, self._limits, self.chores, self.timings)
        opened.callback(self.components.access.close)
        opened.push_async_callback(self.components.notifications.stop)
        await self.components.notifications.start(self.chores)
        self._visitors = Visitors(self.components.access, self.components.metrics, self.timings)
        self.components.notifications.outside.on_configuration = self._visitors.look_again
        self._doorway.on_refused = self.components.metrics.refuse_connection

    def _start_chores(self) -> None:
        self.components.watch.start(self.chores)
        self._visitors.start(self.chores)
        self.chores.start("tidying of old requests", self._tidy)
        self.chores.start("daily close", self._keep_days)
        if self._tls is not None:
            self.chores.start("certificate watch", partial(self._tls.watch, self.timings.certificate))

    async def _listen(self, opened: AsyncExitStack) -> None:
        sockets = self._doorway.listen(self._host, self.port)
        for each in sockets:
            opened.callback(each.close)
        opened.push_async_callback(self._close_servers)
        self.port = sockets[0].getsockname()[1]
        for each in sockets:
            self._servers.append(await self._serve_on(each))

    async def _close_servers(self) -> None:
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        for server in servers:
            await server.wait_closed()

    async def _serve_on(self, listening: socket.socket) -> Server:
        sockets: dict[str, Any] = {"create_connection": partial(HubSocket, known=Turns(), strangers=Turns())}
        if self._tls is not None:
            sockets |= {
                "ssl": self._tls.context,
                "ssl_handshake_timeout": self._limits.handshake_seconds,
                "ssl_shutdown_timeout": self.timings.goodbye,
            }
        server = await serve(
            self._serve_client,
            sock=listening,
            backlog=BACKLOG,
            process_request=self._answer_http,
            process_response=self._look_at_answer,
            origins=self._origins,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            # Who has said hello may say more (`HubSocket.trust`).
            max_size=MAX_HELLO_BYTES,
            max_queue=UNREAD_FRAMES,
            write_limit=BACKLOG_BYTES,
            open_timeout=self._limits.handshake_seconds,
            ping_interval=None,
            close_timeout=self.timings.goodbye,
            server_header=None,
            logger=_quiet,
            **sockets,
        )
        untie_when_done(server)
        return server

    async def _serve_client(self, connection: ServerConnection) -> None:
        peer = str(connection.remote_address[0])
        if reason := self._doorway.too_many(peer):
            self.components.metrics.refuse_connection(reason)
            await connection.close(CLOSE_TOO_MANY, "too many connections")
            return
        assert isinstance(connection, HubSocket)
        kernel = connection.kernel
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        # The number is asked for then: a socket that is closed by then has none, and its own may be somebody else's.
        client = ClientConnection(
            connection, self.components, self._limits, lambda: self._doorway.welcome(peer, kernel.fileno())
        )
        self._visitors.arrive(client)
        self.components.metrics.sockets.inc()
        try:
            await client.run()
        except Exception:
            log.exception("A connection ended by a fault")
        finally:
            self.components.metrics.sockets.dec()
            self._visitors.leave(client)

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        peer = str(connection.remote_address[0])
        is_page = http_pages.path_of(request) != http_pages.WEBSOCKET_PATH
        if is_page and (self._doorway.too_many(peer) or not self._doorway.may_read_page(peer)):
            return connection.respond(
                HTTPStatus.TOO_MANY_REQUESTS, "Too many requests. Please wait a moment.\n"
            )
        return await http_pages.answer(request, peer, self.components, self._readers)

    def _look_at_answer(self, connection: ServerConnection, request: Request, response: Response) -> None:
        if response.status_code == HTTPStatus.FORBIDDEN:
            self.components.metrics.refuse_connection("origin")

    async def _tidy(self) -> None:
        """Now and every hour: requests that nobody will repeat any more are forgotten."""
        while True:
            with contextlib.suppress(HubError):
                await self._database.call("forget_old_requests")
            await asyncio.sleep(self.timings.tidy)

    async def _keep_days(self) -> None:
        """Now and every 20 s: closes the day when it is due; whichever hub asks first does it."""
        while True:
            try:
                closed = await self.components.operations.close_day_if_due()
                if closed is not None:
                    self.components.notifications.notify_line_changed(closed.events)
                    log.info("%s", _told(closed.result))
            except HubError as error:
                log.info("Whether the day is to be closed could not be asked: %s", error.message)
            await asyncio.sleep(self.timings.day)


def _told(closed: Result) -> str:
    """The schedule's daily close in one line."""
    still_open = ", ".join(ticket.number for ticket in closed.consulting) or "none"
    return f"The schedule closed the day: {closed.cancelled} cancelled, consultations left open: {still_open}"
