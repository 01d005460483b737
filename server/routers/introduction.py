"""What a client says before it is known, and what it is told then: `session.hello` and `session.pair`.

A connection answers these itself; they stand here as the other methods do in the registry, so that they are described.
"""

from __future__ import annotations

import msgspec

from core.errors import RateLimited, Unauthenticated, Unavailable
from core.line.tickets import Hello
from server.door.access import Credentials
from server.routers.registry import Method, Params


class HelloParams(Params, frozen=True, kw_only=True):
    """Who connects, by which credentials, with which program."""

    client: str = ""
    credentials: Credentials


class PairParams(Params, frozen=True, kw_only=True):
    """A pairing code and the program that was given it."""

    code: str
    client: str = ""


class PairedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """The device that a code belonged to, by its code and name."""

    code: str
    name: str
    role: str


class PairResult(msgspec.Struct, frozen=True):
    """The device's token, which is told only here, and the device."""

    token: str
    device: PairedDevice


INTRODUCTIONS = (
    Method(
        "session.hello",
        frozenset(),
        HelloParams,
        Hello,
        (Unauthenticated, RateLimited, Unavailable),
        "Says who connects: the first request of a connection, within 10 seconds.",
    ),
    Method(
        "session.pair",
        frozenset(),
        PairParams,
        PairResult,
        (Unauthenticated, RateLimited, Unavailable),
        "Exchanges a pairing code for a device's token, which `session.hello` takes then.",
    ),
)
"""The methods of a client that is not known yet."""
