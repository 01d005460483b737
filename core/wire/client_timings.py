"""How long a client waits, and how often it tries."""

from __future__ import annotations

import msgspec

from core.wire.protocol import PING_SECONDS, SILENCE_SECONDS


class ClientTimings(msgspec.Struct, frozen=True):
    """Seconds. No settings of the file: what builds a client hands in others, e.g. a test that waits for one of them.

    Attributes:
        ping: without a frame of its own, until the client says `ping`.
        stall: that a request may stay unanswered, nothing else being heard, before the hub counts as lost.
        silence: without a frame of the hub, until the connection is given up.
        tick: between two looks at all of these.
        open: for connecting to the only hub; with others to go to it is `stall`.
        next_hub: within which a client of a lost hub tries the next one: at once to a person, not in one moment for
            a thousand clients.
        first_pause: the longest pause before the first new try at all hubs. longest_pause: before any later one.
        refused: the pauses, from and to, of a refused device: its token may be made valid again while nobody is there.
    """

    ping: float = PING_SECONDS
    stall: float = 4.0
    silence: float = SILENCE_SECONDS
    tick: float = 0.5
    open: float = 5.0
    next_hub: float = 0.1
    first_pause: float = 0.2
    longest_pause: float = 2.0
    refused: tuple[float, float] = (5.0, 10.0)


USUAL = ClientTimings()
