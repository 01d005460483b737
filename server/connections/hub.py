"""The hub: opens the database, listens, accepts connections, answers HTTP pages, runs the chores and stops in order.

It has no SQL and no rule of the line. `server.connections.connection` serves each connection.
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
from server.connections.daily_close import DailyClose
from server.connections.presence import Presence
from server.connections.visitors import Visitors
from server.database.calls import Database
from server.door.doorway import BACKLOG, Doorway
from server.door.hub_socket import HubSocket, untie_when_done
from server.door.known_clients import Principal
from server.door.known_first import KnownFirst
from server.door.limits import Limits
from server.door.tls import TlsDoor, TlsFiles
from server.door.turns import Turns
from server.timings import USUAL, Timings

log = logging.getLogger(__name__)
_quiet = logging.getLogger("websockets.hub")
# Any peer can break off a handshake: a traceback for each would fill the log.
_quiet.setLevel(logging.CRITICAL)

SEND_BUFFER_BYTES = 64 * 1024
"""Size of the kernel's send buffer: the default would hold megabytes for a client that does not read."""
BACKLOG_BYTES = 64 * 1024
"""Bytes unread in this process above which a client counts as behind."""
UNREAD_FRAMES = 8
"""Requests of one client that are read ahead; further ones wait in the client's computer."""
DEFAULT_LIMITS = Limits()


class Hub:
    """One hub on one database.

    Attributes:
        port: the port it listens on; set by `start`.
        components: the parts behind the sockets; set by `start`.
        chores: the tasks beside the requests; the hub must be stopped when `chores.given_up` is set.
        timings: the hub's intervals and timeouts.
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
            tls: the certificate and key; None: ws:// without TLS.
            origins: web origins that may connect, e.g. "https://clinic.example"; a client without an origin always may.
            metrics_from: networks whose computers may read `/metrics`.
            back_off: pauses before a failed chore is started again.
            timings: the hub's intervals and timeouts.
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
        """The address for clients, e.g. "ws://127.0.0.1:8765/ws"."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'wss' if self._tls else 'ws'}://{host}:{self.port}{http_pages.WEBSOCKET_PATH}"

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """An event loop for this hub: it serves signed-in clients before other connections."""
        if sys.platform == "win32":
            # A selector is limited to 512 sockets there.
            return asyncio.new_event_loop()
        return asyncio.SelectorEventLoop(KnownFirst(self._doorway.strangers))

    @property
    def misses_database(self) -> bool:
        """Whether the database does not answer."""
        return not self._database.available

    async def start(self) -> None:
        """Opens the database, starts the chores and listens. Raises SetupError if the port is taken; Unavailable.

        A failed step closes everything that the steps before it opened.
        """
        async with AsyncExitStack() as opened:
            await self._open_components(opened)
            self._start_chores()
            await self._listen(opened)
            self._opened = opened.pop_all()
        # These objects live as long as the hub: without freezing, each full collection would block the loop to scan
        # them (DECISIONS: What may block the hub's loop?).
        gc.freeze()
        log.info("Listening on %s", self.url)

    async def stop(self) -> None:
        """Closes every connection (1001), stops the chores and closes the database."""
        await self._opened.aclose()

    def renew_certificate(self) -> None:
        """Loads the certificate's files again."""
        if self._tls is not None:
            self._tls.renew()

    async def _open_components(self, opened: AsyncExitStack) -> None:
        """Opens the parts behind the sockets; `opened` closes them in reverse order."""
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
        daily_close = DailyClose(
            self.components.operations,
            self.components.notifications,
            self.components.clocks,
            self.timings.day,
        )
        self.chores.start("daily close", daily_close.run)
        presence = Presence(
            self._database,
            self.components.notifications,
            self._visitors,
            lambda: self.port,
            self.timings.presence,
        )
        self.chores.start("presence of people", presence.run)
        if self._tls is not None:
            self.chores.start("certificate watch", partial(self._tls.watch, self.timings.certificate))

    async def _listen(self, opened: AsyncExitStack) -> None:
        sockets = self._doorway.listen(self._host, self.port)
        for listening in sockets:
            opened.callback(listening.close)
        opened.push_async_callback(self._close_servers)
        self.port = sockets[0].getsockname()[1]
        for listening in sockets:
            self._servers.append(await self._serve_on(listening))

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
            process_response=self._count_refused_origin,
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
        # fileno() is called on admission, not here: a socket closed by then has none, and its number may be in use again.
        client = ClientConnection(
            connection,
            self.components,
            self._limits,
            lambda principal: self._admit(principal, peer, kernel.fileno()),
            self._visitors.elsewhere,
        )
        self._visitors.arrive(client)
        self.components.metrics.sockets.inc()
        try:
            await client.run()
        except Exception:
            log.exception("A connection failed and was closed")
        finally:
            self.components.metrics.sockets.dec()
            self._visitors.leave(client)

    def _admit(self, principal: Principal, peer: str, number: int) -> None:
        """Counts a client that has signed in, by the number of its socket."""
        self._doorway.welcome(peer, number)
        if principal.actor.startswith("user:"):
            self._visitors.on_person()

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        peer = str(connection.remote_address[0])
        is_page = http_pages.path_of(request) != http_pages.WEBSOCKET_PATH
        if is_page and (self._doorway.too_many(peer) or not self._doorway.may_read_page(peer)):
            return connection.respond(
                HTTPStatus.TOO_MANY_REQUESTS, "Too many requests. Please wait a moment.\n"
            )
        return await http_pages.answer(request, peer, self.components, self._readers)

    def _count_refused_origin(
        self, connection: ServerConnection, request: Request, response: Response
    ) -> None:
        if response.status_code == HTTPStatus.FORBIDDEN:
            self.components.metrics.refuse_connection("origin")

    async def _tidy(self) -> None:
        """At the start and every `timings.tidy`: deletes stored requests that are too old to be repeated."""
        while True:
            with contextlib.suppress(HubError):
                await self._database.call("forget_old_requests")
            await asyncio.sleep(self.timings.tidy)
