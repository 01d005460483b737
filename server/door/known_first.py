"""A selector that reports every ready client socket, but only a few sockets of strangers, in one turn of the loop.

A stranger is a connection that has not said hello. asyncio polls its sockets once a turn and then handles each ready one,
so a crowd of strangers would make every turn long. A socket that is left out stays ready: the kernel reports it again in
the next turn.
"""

from __future__ import annotations

import selectors
from heapq import nsmallest
from typing import TypeAlias

AT_ONCE = 4
"""Sockets of strangers handled in one turn."""
Ready: TypeAlias = tuple[selectors.SelectorKey, int]


class Strangers:
    """The sockets of strangers, by file number, with the turn in which each was last handled."""

    def __init__(self) -> None:
        self._served: dict[int, int] = {}
        self._turn = 0

    def __len__(self) -> int:
        return len(self._served)

    def arrive(self, file: int) -> None:
        """Adds a socket: it is a stranger's until hello."""
        self._served[file] = self._turn

    def leave(self, file: int) -> None:
        """Removes the socket: its client said hello, or it closed."""
        self._served.pop(file, None)

    def wait_behind(self, ready: list[Ready]) -> list[Ready]:
        """Selects from the ready sockets all of clients and of the hub, then the strangers' that waited longest."""
        strangers = [entry for entry in ready if entry[0].fd in self._served]
        if not strangers:
            return ready
        self._turn += 1
        if len(strangers) > AT_ONCE:
            strangers = nsmallest(AT_ONCE, strangers, key=lambda entry: self._served[entry[0].fd])
        for key, _ in strangers:
            self._served[key.fd] = self._turn
        return [entry for entry in ready if entry[0].fd not in self._served] + strangers


class KnownFirst(selectors.DefaultSelector):
    """The selector of a loop that serves clients before strangers."""

    def __init__(self, strangers: Strangers) -> None:
        super().__init__()
        self._strangers = strangers

    def select(self, timeout: float | None = None) -> list[Ready]:
        """The sockets ready within `timeout` seconds, in the order in which the loop handles them."""
        ready = super().select(timeout)
        return self._strangers.wait_behind(ready) if len(ready) > 1 and self._strangers else ready
