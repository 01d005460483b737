"""A little in every turn of the event loop: what strangers cause is done beside the clients' work, not before it.

The loop does all that is ready before it looks at its sockets again. A hundred handshakes, or a hundred connections that
end in one moment, would so be one turn of a tenth of a second, in which nobody else is heard.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

AT_ONCE = 2
"""Each of them wakes a task in the next turn, which costs up to 0.7 ms."""
TURN_SECONDS = 0.001


class Turns:
    """Work that waits for its turn, first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def soon(self, work: Callable[[], None]) -> None:
        """Calls `work` in one of the next turns, behind what waits already."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._work)
        self._waiting.append(work)

    def _work(self) -> None:
        until = perf_counter() + TURN_SECONDS
        try:
            for _ in range(AT_ONCE):
                # The one at work stays in front until it is done, so that `soon` does not begin a second round of turns.
                self._waiting[0]()
                self._waiting.popleft()
                if not self._waiting or perf_counter() > until:
                    break
        except BaseException:
            self._waiting.popleft()
            raise
        finally:
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._work)
