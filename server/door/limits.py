"""Limits of one client, one address and the whole hub, and the rate limiter that enforces them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from core.settings import Settings


@dataclass(frozen=True)
class Limits:
    """Every limit of the door.

    Attributes:
        people_rate: requests a second of one person's connection, and the burst.
        device_rate, device_burst: requests a second of one device's connection, and the burst.
        connections: open connections; the last quarter is for known addresses.
        connections_per_address: open connections of one address.
        arrivals_per_second: new connections of one address; the burst is twice `connections_per_address`.
        pages_per_second, pages_at_once: HTTP pages of one address, and the burst.
        handshake_seconds: for TLS, and again for the WebSocket's handshake.
        requests_before_hello: requests answered before the connection is closed without a hello.
        sessions_per_person: open sessions of one person; a further one ends the oldest.
        tries_per_account, tries_per_address: passwords verified in any minute.
        pairings_per_address, pairings: wrong pairing codes in any minute, of one address and of all.
        secrets_per_address: wrong tokens and sessions of one address in any minute.
        passwords_waiting: sign-ins that may wait for the hashing thread; the last quarter is for people known there.
    """

    people_rate: float = 1000
    device_rate: float = 20
    device_burst: int = 100
    connections: int = 2000
    connections_per_address: int = 1000
    arrivals_per_second: float = 50
    pages_per_second: float = 20
    pages_at_once: int = 100
    handshake_seconds: float = 5
    requests_before_hello: int = 5
    sessions_per_person: int = 100
    tries_per_account: int = 10
    tries_per_address: int = 30
    pairings_per_address: int = 10
    pairings: int = 100
    secrets_per_address: int = 60
    passwords_waiting: int = 32


def limits_of(settings: Settings) -> Limits:
    """The limits from the settings; those without a setting have their defaults."""
    return Limits(
        people_rate=settings.people_rate,
        device_rate=settings.device_rate,
        device_burst=settings.device_burst,
        connections=settings.connections,
        connections_per_address=settings.connections_per_address,
    )


class Pace:
    """Rate limiter for one client: `rate` requests a second, bursts up to `burst`.

    Written here because a library's limiter is slow (DECISIONS: What does the door cost?).
    """

    __slots__ = ("_clock", "_due", "_interval", "_slack")

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._interval = 1 / rate
        self._slack = (burst - 1) / rate
        self._due = 0.0
        self._clock = clock

    def look(self) -> float:
        """Seconds until `take` would succeed, 0 if now."""
        return max(0.0, self._due - self._clock() - self._slack)

    def take(self) -> float:
        """Counts a request and returns 0; or, above the limit, returns the seconds until one is allowed."""
        now = self._clock()
        due = self._due
        if due < now:
            due = now
        wait = due - now - self._slack
        if wait > 0:
            return wait
        self._due = due + self._interval
        return 0.0

    def give_back(self) -> None:
        """Uncounts the last request."""
        self._due -= self._interval


class Paces:
    """A rate limiter for each key, e.g. an address. The table has `most` keys; the one unused for longest is dropped."""

    def __init__(
        self, rate: float, burst: float, most: int = 10_000, clock: Callable[[], float] = monotonic
    ) -> None:
        self._rate, self._burst, self._most, self._clock = rate, burst, most, clock
        self._paces: OrderedDict[object, Pace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paces)

    def look(self, key: object) -> float:
        """Seconds until `take` would succeed for `key`, 0 if now."""
        pace = self._paces.get(key)
        return pace.look() if pace is not None else 0.0

    def take(self, key: object) -> float:
        """Counts a request of `key` and returns 0; or, above the limit, returns the seconds until one is allowed."""
        pace = self._paces.get(key)
        if pace is None:
            pace = self._paces[key] = Pace(self._rate, self._burst, self._clock)
            if len(self._paces) > self._most:
                self._paces.popitem(last=False)
        self._paces.move_to_end(key)
        return pace.take()

    def give_back(self, key: object) -> None:
        """Uncounts the last request of `key`."""
        if key in self._paces:
            self._paces[key].give_back()


def paces_a_minute(most: int, clock: Callable[[], float] = monotonic) -> Paces:
    """Limiters of at most `most` requests in any minute: half of them as a burst, half spread over the minute."""
    half = max(1, most // 2)
    return Paces(half / 60, half, clock=clock)
