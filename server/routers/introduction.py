"""The methods of a client that has not signed in: `session.hello` and `session.pair`.

`Connection` answers them itself. They are declared here so that the OpenRPC document describes them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from core.errors import PasswordExpired, RateLimited, Unauthenticated, Unavailable, WrongRole
from core.line.tickets import Hello
from server.door.access import Credentials
from server.routers.registry import Method, Params


class HelloParams(Params, frozen=True, kw_only=True):
    """`client` names the program, e.g. `door-sign/1.0`."""

    client: str = ""
    credentials: Credentials


class PairParams(Params, frozen=True, kw_only=True):
    """`code` is the pairing code. `client` names the program, e.g. `door-sign/1.0`.

    `role` is the program's: a code for the other role is refused (`wrong_role`) and stays valid.
    """

    code: str
    client: str = ""
    role: Literal["kiosk", "monitor"] | None = None


class PairedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """The paired device: its code, name and role."""

    code: str
    name: str
    role: str


class PairResult(msgspec.Struct, frozen=True):
    """The device and its token; no other method returns the token."""

    token: str
    device: PairedDevice


INTRODUCTIONS = (
    Method(
        "session.hello",
        frozenset(),
        HelloParams,
        Hello,
        (Unauthenticated, PasswordExpired, RateLimited, Unavailable),
        "Signs in a device or a person: the first request of a connection, within 10 seconds.",
    ),
    Method(
        "session.pair",
        frozenset(),
        PairParams,
        PairResult,
        (Unauthenticated, WrongRole, RateLimited, Unavailable),
        "Exchanges a pairing code for a device's token, for use in `session.hello`.",
    ),
)
"""The methods that a client may call before it has signed in."""
