"""The client's half of a conversation with the hub, without a socket, a loop or a clock."""

from __future__ import annotations

import enum

import msgspec


class ConnectionState(enum.Enum):
    """How a client stands with its hub.

    CONNECTING: not connected yet, and nothing has failed (also: a console before sign-in).
    LIVE: said hello and heard from lately; what is shown is true.
    LOST: no connection, or the hub has not answered for some seconds; tried again for ever.
    REFUSED: the hub does not accept these credentials.
    """

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    REFUSED = "refused"


class DeviceCredentials(msgspec.Struct, frozen=True):
    """The token of a kiosk or a monitor."""

    token: str

    def __repr__(self) -> str:
        return "DeviceCredentials(token=…)"


class PersonCredentials(msgspec.Struct, frozen=True):
    """What a person signs in with. Forgotten as soon as the hub has accepted it."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"PersonCredentials(username={self.username!r}, password=…)"
