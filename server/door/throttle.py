"""Limits password tries before they are verified, which is dear (DECISIONS: What does the door cost?).

A try counts for its address, for its account (an unknown account is treated alike), and for the pair of both. The delay
of a pair doubles with every failure, up to 60 s; no block lasts longer. An address where the account has signed in
before has a budget of its own, which other addresses can't use up. A reconnect with a session needs no password.

The library `limits` is not used: its memory storage is unbounded, uses the wall clock and starts threads to clean up.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import lru_cache
from time import monotonic
from typing import TypeVar

import msgspec

from core.errors import RateLimited
from core.texts import normal_form
from server.door.limits import Limits, Paces, paces_a_minute

FREE_FAILURES = 3
"""Failures without a delay, for typing errors; the next one has a delay of 1 s, which then doubles."""
LONGEST_DELAY = 60.0
FORGET_SECONDS = 900.0
"""Time without a try after which the failures of a pair are forgotten."""
MOST_REMEMBERED = 10_000

Pair = tuple[bytes, str]
T = TypeVar("T")


@lru_cache(maxsize=4096)
def address_of(peer: str) -> str:
    """A peer's key in all limits: its IPv4 address, or its IPv6 /64 network, where a machine can have many addresses."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address), 64), strict=False))


def too_many(seconds: float) -> RateLimited:
    """The refusal of a try that may be repeated after `seconds`."""
    wait = math.ceil(seconds)
    unit = "second" if wait == 1 else "seconds"
    return RateLimited(f"Too many tries. Please wait {wait} {unit}, then try again.", retry_after=wait)


class _Failures(msgspec.Struct):
    count: int = 0
    not_before: float = 0.0


class SignInThrottle:
    """Counts password tries; every table is bounded."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._accounts = paces_a_minute(limits.tries_per_account, clock)
        self._known = paces_a_minute(limits.tries_per_account, clock)
        self._addresses = paces_a_minute(limits.tries_per_address, clock)
        self._failures: OrderedDict[Pair, _Failures] = OrderedDict()
        self._signed_in: OrderedDict[Pair, None] = OrderedDict()
        # Account or address -> tries begun and not ended.
        self._pending: Counter[object] = Counter()

    def knows(self, username: str, address: str) -> bool:
        """Whether this account has signed in from this address before."""
        return _pair(username, address) in self._signed_in

    def has_pending(self, username: str, address: str) -> bool:
        """Whether tries of this account or address are under way: a successful one gives its place back."""
        return self._pending[_pair(username, address)[0]] > 0 or self._pending[address] > 0

    def begin(self, username: str, address: str) -> None:
        """Counts a try before its password is verified. Raises RateLimited with `retry_after` and counts nothing."""
        pair = _pair(username, address)
        now = self._clock()
        failures = self._failures.get(pair)
        if failures is not None and failures.not_before > now:
            raise too_many(failures.not_before - now)
        if wait := self._addresses.take(address):
            raise too_many(wait)
        if wait := self._budget(pair).take(self._key(pair)):
            self._addresses.give_back(address)
            raise too_many(wait)
        self._pending.update((pair[0], address))

    def abandoned(self, username: str, address: str) -> None:
        """Ends a try whose password was not verified: uncounts it."""
        pair = _pair(username, address)
        self._end(pair)
        self._addresses.give_back(address)
        self._budget(pair).give_back(self._key(pair))

    def succeeded(self, username: str, address: str) -> None:
        """Ends a try with the right password: uncounts it, forgets the pair's failures and marks the pair as known."""
        self.abandoned(username, address)
        pair = _pair(username, address)
        self._failures.pop(pair, None)
        _remember(self._signed_in, pair, None)

    def failed(self, username: str, address: str) -> None:
        """Ends a try with a wrong password or an unknown account: delays the pair's next try."""
        pair, now = _pair(username, address), self._clock()
        self._end(pair)
        failures = self._failures.get(pair, _Failures())
        if now - failures.not_before > FORGET_SECONDS:
            failures = _Failures()
        failures.count += 1
        doublings = failures.count - FREE_FAILURES - 1
        delay = min(LONGEST_DELAY, 2.0 ** min(doublings, 10)) if doublings >= 0 else 0.0
        failures.not_before = now + delay
        _remember(self._failures, pair, failures)

    def _end(self, pair: Pair) -> None:
        for key in (pair[0], pair[1]):
            self._pending[key] -= 1
            if self._pending[key] <= 0:
                del self._pending[key]

    def _budget(self, pair: Pair) -> Paces:
        return self._known if pair in self._signed_in else self._accounts

    def _key(self, pair: Pair) -> object:
        return pair if pair in self._signed_in else pair[0]


def _pair(username: str, address: str) -> Pair:
    return hashlib.blake2b(normal_form(username).encode(), digest_size=16).digest(), address


def _remember(table: OrderedDict[Pair, T], pair: Pair, value: T) -> None:
    table[pair] = value
    table.move_to_end(pair)
    if len(table) > MOST_REMEMBERED:
        table.popitem(last=False)
