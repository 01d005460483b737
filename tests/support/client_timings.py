"""A client in a hurry: a hub that stalls is noticed within a third of a second instead of four."""

from core.wire.client_timings import ClientTimings

SOON = ClientTimings(stall=0.3, tick=0.05)
