"""Chooses the hub that a client tries next, and the pause before the try. Pure, except for random numbers.

A client that loses its hub tries the next address at once. After all addresses have failed the pauses grow; each is
drawn between 0 and its limit ("full jitter"), so that a thousand clients don't reconnect in the same moment. A client
stays on a hub that works: it does not return to the first address.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from core.wire.client_timings import USUAL, ClientTimings

_MOST_DOUBLINGS = 8


class HubChoice:
    """The addresses of one client, tried in turn."""

    def __init__(self, addresses: Sequence[str], timings: ClientTimings = USUAL) -> None:
        """Starts with the first address, the preferred hub."""
        self._addresses = tuple(addresses)
        self._timings = timings
        self._current = 0
        self._failed = 0

    @property
    def address(self) -> str:
        """The address to connect to now."""
        return self._addresses[self._current]

    @property
    def has_others(self) -> bool:
        """Whether the client knows another hub."""
        return len(self._addresses) > 1

    def leave(self, *, worked: bool) -> float:
        """Moves to the next address; returns the pause before the try, in seconds.

        `worked`: whether the client was LIVE on the present hub; else the try counts as failed.
        """
        self._failed = 1 if worked else self._failed + 1
        self._current = (self._current + 1) % len(self._addresses)
        rounds, tried = divmod(self._failed, len(self._addresses))
        if tried:
            return random.uniform(0, self._timings.next_hub)
        doublings = min(rounds - 1, _MOST_DOUBLINGS)
        pause = self._timings.first_pause * 2**doublings
        return random.uniform(0, min(self._timings.longest_pause, pause))
