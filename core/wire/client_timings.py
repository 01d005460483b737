"""Intervals, timeouts and pauses of a client."""

from __future__ import annotations

import msgspec

from core.wire.protocol import PING_SECONDS, SILENCE_SECONDS


class ClientTimings(msgspec.Struct, frozen=True):
    """Timings in seconds. They are no settings: code that makes a client, e.g. a test, may pass its own.

    Attributes:
        ping: the client sends `ping` after this long without a frame of its own.
        stall: a hub that owes a reply and has sent no frame for this long counts as lost.
        silence: the client closes a connection on which the hub has sent no frame for this long.
        tick: interval at which these are checked.
        open: timeout for connecting to the only hub; with several hubs it is `stall`.
        next_hub: longest pause before the next hub: short for a person, long enough to spread the clients of a lost hub.
        first_pause: limit of the pause once all hubs have failed; it doubles each round, up to `longest_pause`.
        refused: range of the pause before a refused device retries; its token may become valid again meanwhile.
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
