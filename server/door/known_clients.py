"""Remembers admitted principals by the hash of their token or session, for reconnects while the database is unreachable.

Passwords are not remembered. A principal is forgotten when it is revoked, signs out, or its session ends.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection
from time import monotonic

import msgspec

from core.roles import SUPERVISOR
from server.door.visibility import View, view_of

MOST = 4096
"""Principals remembered at most."""


class Principal(msgspec.Struct, frozen=True):
    """The device or person at the other end of a connection.

    Attributes:
        actor: stable name in events and keys, "user:3" or "device:1".
        role: e.g. "kiosk" or "supervisor".
        name: display name.
        session: a person's session, for reconnects; for a device, a random name of the connection without privileges.
        secret_hash: hash of the token or session.
        ends_at: end of the session in monotonic seconds; infinite for a device.
    """

    actor: str
    role: str
    name: str
    session: str
    secret_hash: bytes = b""
    ends_at: float = math.inf

    @property
    def view(self) -> View:
        """The view of this role."""
        return view_of(self.role)

    @property
    def supervises(self) -> bool:
        """Whether the principal may use a counter that another person holds."""
        return self.role in SUPERVISOR


class KnownClients:
    """A bounded table of principals; the one unused for longest is forgotten first."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._principals: OrderedDict[bytes, Principal] = OrderedDict()

    def __len__(self) -> int:
        return len(self._principals)

    @property
    def hashes(self) -> list[bytes]:
        """Hashes of the remembered tokens and sessions."""
        return list(self._principals)

    def remember(self, principal: Principal) -> None:
        """Adds a principal that was just admitted."""
        self._principals[principal.secret_hash] = principal
        self._principals.move_to_end(principal.secret_hash)
        if len(self._principals) > MOST:
            self._principals.popitem(last=False)

    def find(self, secret_hash: bytes) -> Principal | None:
        """The principal admitted with this hash before; None if there is none or its session has ended."""
        principal = self._principals.get(secret_hash)
        if principal is not None and principal.ends_at <= self._clock():
            self.forget(secret_hash)
            return None
        return principal

    def forget(self, secret_hash: bytes) -> None:
        """Removes the principal with this hash."""
        self._principals.pop(secret_hash, None)

    def keep_only(self, checked: Collection[bytes], admitted: Collection[bytes]) -> None:
        """Removes the checked principals that are no longer admitted."""
        for revoked in set(checked).difference(admitted):
            self.forget(revoked)
