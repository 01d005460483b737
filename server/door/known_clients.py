"""Whom this hub has let in, by the hash of what they showed: how they come back while the database is away.

Tokens and sessions only, never a password. Who is revoked or signs out is forgotten; a session is forgotten when it ends.
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


class Principal(msgspec.Struct, frozen=True):
    """Who is at the other end of a connection.

    Attributes:
        actor: the stable name in events and keys, "user:3" or "device:1".
        session: what a person reconnects with; for a device, a name of this connection without any power.
        secret_hash: of the token or session that was shown.
        ends_at: monotonic seconds when it stops being good; never for a device.
    """

    actor: str
    role: str
    name: str
    session: str
    secret_hash: bytes = b""
    ends_at: float = math.inf

    @property
    def view(self) -> View:
        """What this role may see."""
        return view_of(self.role)

    @property
    def supervises(self) -> bool:
        """Whether other people's counters are theirs to use."""
        return self.role in SUPERVISOR


class KnownClients:
    """A bounded memory; the one not seen for longest is forgotten first."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._principals: OrderedDict[bytes, Principal] = OrderedDict()

    def __len__(self) -> int:
        return len(self._principals)

    @property
    def hashes(self) -> list[bytes]:
        """Of everybody remembered."""
        return list(self._principals)

    def remember(self, principal: Principal) -> None:
        """This one was let in just now."""
        self._principals[principal.secret_hash] = principal
        self._principals.move_to_end(principal.secret_hash)
        if len(self._principals) > MOST:
            self._principals.popitem(last=False)

    def find(self, secret_hash: bytes) -> Principal | None:
        """Who was let in with this before and still may come."""
        found = self._principals.get(secret_hash)
        if found is not None and found.ends_at <= self._clock():
            self.forget(secret_hash)
            return None
        return found

    def forget(self, secret_hash: bytes) -> None:
        """What had this hash opens nothing any more."""
        self._principals.pop(secret_hash, None)

    def keep_only(self, asked: Collection[bytes], admitted: Collection[bytes]) -> None:
        """Forgets whoever was asked about and is not admitted any more."""
        for gone in set(asked).difference(admitted):
            self.forget(gone)
