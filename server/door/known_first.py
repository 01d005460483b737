"""What clients do comes before what strangers do: the event loop is told of all the former, of a few of the latter.

asyncio looks at its sockets once a turn, and then does for each that is ready what there is to do. A crowd of strangers
would so make one long turn after the other. Whoever is passed over stays ready: the kernel tells again in the next turn.
"""

from __future__ import annotations

import selectors
from heapq import nsmallest
from typing import TypeAlias

AT_ONCE = 4
Ready: TypeAlias = tuple[selectors.SelectorKey, int]


class Strangers:
    """The sockets of those who have not said who they are, by their files' numbers."""

    def __init__(self) -> None:
        self._served: dict[int, int] = {}
        self._turn = 0

    def __len__(self) -> int:
        return len(self._served)

    def arrive(self, file: int) -> None:
        """The socket with this number is a stranger's."""
        self._served[file] = self._turn

    def leave(self, file: int) -> None:
        """It is not any more: it is a client's, or closed."""
        self._served.pop(file, None)

    def wait_behind(self, ready: list[Ready]) -> list[Ready]:
        """Of those that are ready: all clients' and the hub's own, then the few strangers that have waited longest."""
        strangers = [each for each in ready if each[0].fd in self._served]
        if not strangers:
            return ready
        self._turn += 1
        if len(strangers) > AT_ONCE:
            strangers = nsmallest(AT_ONCE, strangers, key=lambda each: self._served[each[0].fd])
        for key, _ in strangers:
            self._served[key.fd] = self._turn
        return [each for each in ready if each[0].fd not in self._served] + strangers


class KnownFirst(selectors.DefaultSelector):
    """The selector of a loop that serves clients before strangers."""

    def __init__(self, strangers: Strangers) -> None:
        super().__init__()
        self._strangers = strangers

    def select(self, timeout: float | None = None) -> list[Ready]:
        """What is ready within `timeout` seconds, in the order in which it is to be done."""
        ready = super().select(timeout)
        return self._strangers.wait_behind(ready) if len(ready) > 1 and self._strangers else ready
