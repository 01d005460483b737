"""Spreads work over turns of the event loop, so that work caused by strangers does not delay clients.

The loop runs all that is ready before it polls its sockets again. 100 handshakes, or 100 connections that end at once,
would make one turn of about 100 ms, in which no client is served.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

AT_ONCE = 2
"""Callbacks run in one turn: each wakes a task in the next turn (DECISIONS: What may block the hub's loop?)."""
TURN_SECONDS = 0.001
"""Time after which no further callback runs in a turn."""


class Turns:
    """A queue of callbacks, run in order, a few in each turn of the loop."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def soon(self, work: Callable[[], None]) -> None:
        """Queues `work`; it runs in one of the next turns, after the work queued before."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._work)
        self._waiting.append(work)

    def _work(self) -> None:
        until = perf_counter() + TURN_SECONDS
        try:
            for _ in range(AT_ONCE):
                # Pop only after the callback ran; else `soon` called from it would schedule a second `_work`.
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
