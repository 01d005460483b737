"""Which of several hubs a client tries next, and after what pause. Pure, chance aside.

A hub that is lost is left for the next address at once; when every address has failed, the pauses grow, each drawn
from its whole length ("full jitter"), so that a thousand clients don't come back in the same moment. Nobody returns to
the first address by force: a client stays where it is well.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from core.wire.client_timings import USUAL, ClientTimings

_LONGEST_DOUBLINGS = 8


class HubChoice:
    """The addresses of one client, tried in turn.

    Attributes:
        address: the one to connect to now.
    """

    def __init__(self, addresses: Sequence[str], timings: ClientTimings = USUAL) -> None:
        """Begins with the first, the preferred one."""
        self._addresses = tuple(addresses)
        self._timings = timings
        self._current = 0
        self._failed = 0

    @property
    def address(self) -> str:
        """The one to connect to now."""
        return self._addresses[self._current]

    @property
    def has_others(self) -> bool:
        """Whether there is another hub to go to."""
        return len(self._addresses) > 1

    def leave(self, *, worked: bool) -> float:
        """Goes on to the next address; returns after how many seconds to try it.

        `worked`: the client was served at the present one until now; else the try has failed.
        """
        self._failed = 1 if worked else self._failed + 1
        self._current = (self._current + 1) % len(self._addresses)
        rounds, tried = divmod(self._failed, len(self._addresses))
        if tried:
            return random.uniform(0, self._timings.next_hub)
        doublings = min(rounds - 1, _LONGEST_DOUBLINGS)
        pause = self._timings.first_pause * 2**doublings
        return random.uniform(0, min(self._timings.longest_pause, pause))
