"""The hub's listening sockets: they count who is in, by address, and turn away whoever is too many, before any work.

A connection counts from its first packet, whether it ever says anything or not, so that silent ones can't fill the hub.
The first few too many are let in, to be told (close code 4429, HTTP 429); the rest is closed as it arrives.
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

TOLD = 32
"""So many too many are let in to be told."""
REFUSED_AT_ONCE, TAKEN_AT_ONCE = 32, 1
"""asyncio would take in as many as there are before it serves anybody else again."""
BACKLOG = 1024
OTHER_FILES = 128
"""What the hub opens besides its clients' connections: the database's, logs, certificates."""
MOST_KNOWN = 4096
EXHAUSTED_SECONDS = 0.9
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_TAKEN = {errno.EADDRINUSE, 10048}


class Doorway:
    """Counts the connections of one hub.

    Attributes:
        open: how many are in, whether they have said anything or not.
        strangers: the sockets of those who are in and not admitted yet.
        on_refused: told why an arrival was closed: "full", "address_full" or "too_fast".
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
        """Sockets on every address that `host` names, all on one port (0: a free one). Raises SetupError."""
        sockets: list[socket.socket] = []
        try:
            for family, *_, address in _addresses(host, port):
                chosen = sockets[0].getsockname()[1] if sockets else port
                sockets.append(_listening(family, (address[0], chosen, *address[2:]), self._let_in))
        except OSError as error:
            for each in sockets:
                each.close()
            raise SetupError(_why_not_listening(error, host, port)) from error
        return sockets

    def too_many(self, peer: str) -> str | None:
        """Why the connection of this peer that is being opened is one too many: "address_full" or "full"."""
        address = address_of(peer)
        if self._of[address] > self._most_of_one:
            return "address_full"
        return "full" if self.open > self._room(address) else None

    def welcome(self, peer: str, file: int) -> None:
        """The socket with this file's number is a client's; the last quarter of all is for known addresses."""
        self.strangers.leave(file)
        address = address_of(peer)
        self._known[address] = None
        self._known.move_to_end(address)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def may_read_page(self, peer: str) -> bool:
        """Whether this peer may have another plain HTTP page now."""
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
        if self._of[address] >= self._most_of_one + TOLD:
            return "address_full"
        if self.open >= self._room(address) + min(TOLD, self._most // 8):
            return "full"
        return "too_fast" if self._arrivals.take(address) else None

    def _left(self, address: str, file: int) -> None:
        self.strangers.leave(file)
        self.open -= 1
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]


class _Accepted(socket.socket):
    """A client's socket; says when it is closed."""

    on_close: Callable[[], None] | None = None

    def close(self) -> None:
        """Closes it; counts it out once."""
        super().close()
        left, self.on_close = self.on_close, None
        if left is not None:
            left()

    def __del__(self) -> None:
        # asyncio drops a socket that it could not make a connection of.
        self.close()


class _Listening(socket.socket):
    """A listening socket that asks whether an arrival may stay."""

    let_in: Callable[[str, int], Callable[[], None] | None]
    taken = 0
    exhausted_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """The next arrival that may stay; BlockingIOError when there is none, or others have their turn first."""
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
        # The loop has other work as well: it asks again at once.
        self.taken = 0
        raise BlockingIOError

    def _next(self) -> tuple[socket.socket, Any]:
        if monotonic() < self.exhausted_until:
            raise BlockingIOError
        try:
            return super().accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                # asyncio waits for a second then, but only after it has asked, and logged, once for each of the backlog.
                self.exhausted_until = monotonic() + EXHAUSTED_SECONDS
            raise


def _addresses(host: str, port: int) -> list[Any]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys(found))


def _listening(family: int, address: tuple[Any, ...], let_in: Callable[[str, int], Any]) -> _Listening:
    # asyncio switches Nagle's algorithm off only where the protocol is named: else a reply waits 40 ms behind a push.
    made = _Listening(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    made.let_in = let_in
    return made


def _why_not_listening(error: OSError, host: str, port: int) -> str:
    if error.errno in _TAKEN:
        return (
            f"Port {port} on {host} is taken: another hub may be running. Stop it, or choose another --port."
        )
    return f"The hub can't listen on {host}:{port}: {error.strerror or error}."


def _room_for(connections: int) -> int:
    """How many connections this process may have open; raises its own limit as far as it is allowed to."""
    if sys.platform == "win32":
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + TOLD + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    room = connections if soft == resource.RLIM_INFINITY else max(1, soft - TOLD - OTHER_FILES)
    if room < connections:
        log.warning("This process may open %d files: the hub takes %d connections at most", soft, room)
    _grow_file_table(wanted if soft == resource.RLIM_INFINITY else min(wanted, soft))
    return room


def _grow_file_table(files: int) -> None:
    """Has the kernel make its table of this process's files as large as it will ever be.

    It doubles the table when it is full, for which a process with several threads waits 20 ms: at the 64th, the 128th, …
    """
    with contextlib.suppress(OSError), Path(os.devnull).open("rb") as any_file:
        os.close(fcntl.fcntl(any_file, fcntl.F_DUPFD_CLOEXEC, files - 1))
