"""Short timings of a client: it notices a stalled hub after 0.3 s instead of 4 s."""

from core.wire.client_timings import ClientTimings

SOON = ClientTimings(stall=0.3, tick=0.05)
