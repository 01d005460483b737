"""The hub's listening sockets: count connections by address and close those above the limits at accept.

A connection counts from accept, whether it sends anything or not, so that silent connections can't fill the hub. The
first `REFUSED_WITH_CODE` above a limit are accepted to get close code 4429 or HTTP 429; further ones are closed at
once.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from core.errors import SetupError
from server.door.known_first import Strangers
from server.door.limits import Limits, Paces
from server.door.throttle import address_of

if sys.platform != "win32":
    import fcntl
    import resource

log = logging.getLogger(__name__)

REFUSED_WITH_CODE = 32
"""Connections accepted above the limit so that they get a 4429 instead of a reset."""
REFUSED_AT_ONCE, TAKEN_AT_ONCE = 32, 1
"""Connections refused and accepted in one turn of the loop: asyncio would accept the whole backlog in one turn."""
BACKLOG = 1024
OTHER_FILES = 128
"""Files that the hub opens besides client connections: database connections, logs, certificates."""
MOST_KNOWN = 4096
"""Addresses remembered as known; the one unused for longest is forgotten first."""
EXHAUSTED_SECONDS = 0.9
"""Pause in accepting after the process ran out of files."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_TAKEN = {errno.EADDRINUSE, 10048}


class Doorway:
    """Counts the connections of one hub.

    Attributes:
        open: number of open connections, before and after hello.
        strangers: the sockets that have not said hello.
        on_refused: called with the reason when a connection is closed at accept: "full", "address_full" or "too_fast".
    """

    def __init__(self, limits: Limits) -> None:
        self.open = 0
        self.strangers = Strangers()
        self.on_refused: Callable[[str], None] = lambda reason: None
        self._most = min(limits.connections, _room_for(limits.connections))
        self._most_of_one = limits.connections_per_address
        self._of: Counter[str] = Counter()
        self._arrivals = Paces(limits.arrivals_per_second, 2 * limits.connections_per_address)
        self._pages = Paces(limits.pages_per_second, limits.pages_at_once)
        self._known: OrderedDict[str, None] = OrderedDict()

    def listen(self, host: str, port: int) -> list[socket.socket]:
        """Listening sockets on every address of `host`, all on the same port (0: a free one). Raises SetupError."""
        sockets: list[socket.socket] = []
        try:
            for family, *_, address in _addresses(host, port):
                chosen = sockets[0].getsockname()[1] if sockets else port
                sockets.append(_listening(family, (address[0], chosen, *address[2:]), self._let_in))
        except OSError as error:
            for opened in sockets:
                opened.close()
            raise SetupError(_why_not_listening(error, host, port)) from error
        return sockets

    def too_many(self, peer: str) -> str | None:
        """The limit that this peer's accepted connection exceeds: "address_full", "full", or None."""
        address = address_of(peer)
        if self._of[address] > self._most_of_one:
            return "address_full"
        return "full" if self.open > self._room(address) else None

    def welcome(self, peer: str, file: int) -> None:
        """Marks a socket as a client's and its address as known; `file` is the socket's file number.

        The last quarter of all connections is for known addresses.
        """
        self.strangers.leave(file)
        address = address_of(peer)
        self._known[address] = None
        self._known.move_to_end(address)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def may_read_page(self, peer: str) -> bool:
        """Whether this peer may read another HTTP page now."""
        return self._pages.take(address_of(peer)) == 0

    def _room(self, address: str) -> int:
        return self._most if address in self._known else self._most - self._most // 4

    def _let_in(self, peer: str, file: int) -> Callable[[], None] | None:
        """Counts an arrival and returns what to call when it leaves; None to close it at once."""
        address = address_of(peer)
        reason = self._why_refused(address)
        if reason is not None:
            self.on_refused(reason)
            return None
        self.open += 1
        self._of[address] += 1
        self.strangers.arrive(file)
        return partial(self._left, address, file)

    def _why_refused(self, address: str) -> str | None:
        if self._of[address] >= self._most_of_one + REFUSED_WITH_CODE:
            return "address_full"
        if self.open >= self._room(address) + min(REFUSED_WITH_CODE, self._most // 8):
            return "full"
        return "too_fast" if self._arrivals.take(address) else None

    def _left(self, address: str, file: int) -> None:
        self.strangers.leave(file)
        self.open -= 1
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]


class _Accepted(socket.socket):
    """A client's socket, which calls `on_close` when it is closed."""

    on_close: Callable[[], None] | None = None

    def close(self) -> None:
        """Closes the socket; calls `on_close` at the first close only."""
        super().close()
        left, self.on_close = self.on_close, None
        if left is not None:
            left()

    def __del__(self) -> None:
        # asyncio drops a socket unclosed if it can't make a connection of it.
        self.close()


class _Listening(socket.socket):
    """A listening socket that asks `let_in` for each accepted connection."""

    let_in: Callable[[str, int], Callable[[], None] | None]
    taken = 0
    exhausted_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection within the limits. Raises BlockingIOError if there is none, or to let the loop go on."""
        for _ in range(REFUSED_AT_ONCE):
            if self.taken >= TAKEN_AT_ONCE:
                break
            plain, address = self._next()
            on_close = self.let_in(str(address[0]), plain.fileno())
            if on_close is not None:
                self.taken += 1
                accepted = _Accepted(plain.family, plain.type, plain.proto, fileno=plain.detach())
                accepted.on_close = on_close
                return accepted, address
            plain.close()
        # End this turn of the loop: the selector reports the socket again in the next one.
        self.taken = 0
        raise BlockingIOError

    def _next(self) -> tuple[socket.socket, Any]:
        if monotonic() < self.exhausted_until:
            raise BlockingIOError
        try:
            return super().accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                # asyncio pauses for 1 s after such an error, but first accepts, and logs, once for each of the backlog.
                self.exhausted_until = monotonic() + EXHAUSTED_SECONDS
            raise


def _addresses(host: str, port: int) -> list[Any]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys(found))


def _listening(family: int, address: tuple[Any, ...], let_in: Callable[[str, int], Any]) -> _Listening:
    # asyncio disables Nagle's algorithm only if the protocol is named; with it a reply would wait 40 ms behind a push.
    listening = _Listening(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    listening.let_in = let_in
    return listening


def _why_not_listening(error: OSError, host: str, port: int) -> str:
    if error.errno in _TAKEN:
        return (
            f"Port {port} on {host} is taken: another hub may be running. Stop it, or choose another --port."
        )
    return f"The hub can't listen on {host}:{port}: {error.strerror or error}."


def _room_for(connections: int) -> int:
    """Number of connections that this process can have open; raises its limit of open files as far as allowed."""
    if sys.platform == "win32":
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + REFUSED_WITH_CODE + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    room = connections if soft == resource.RLIM_INFINITY else max(1, soft - REFUSED_WITH_CODE - OTHER_FILES)
    if room < connections:
        log.warning("This process may open %d files: the hub accepts at most %d connections", soft, room)
    _grow_file_table(wanted if soft == resource.RLIM_INFINITY else min(wanted, soft))
    return room


def _grow_file_table(files: int) -> None:
    """Makes the kernel grow this process's file table to its final size at once.

    The kernel doubles a full table, which blocks a process with several threads (DECISIONS: How does one process stay
    prompt among strangers?).
    """
    with contextlib.suppress(OSError), Path(os.devnull).open("rb") as any_file:
        os.close(fcntl.fcntl(any_file, fcntl.F_DUPFD_CLOEXEC, files - 1))
