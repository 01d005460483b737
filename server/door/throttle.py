"""Who may try to come in, decided before anything dear: a password costs 20 ms of CPU to look at, asking here 2 µs.

A try is weighed by its address, by its account (one that does not exist is told the same), and by the pair of both,
whose delay doubles with every failure up to a minute. No lock lasts longer. An address at which the account has signed
in before has a budget of its own, which strangers can't use up; and who comes back with a session shows no password.

`limits`, the library, is not used: its memory storage has no bound, goes by the wall clock and starts threads to tidy up.
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
from server.door.limits import Limits, Paces, paces_a_minute

FREE_FAILURES = 3
"""Anybody mistypes: after these the delay begins at a second and doubles."""
LONGEST_DELAY = 60.0
FORGET_SECONDS = 900.0
MOST_REMEMBERED = 10_000

Pair = tuple[bytes, str]
T = TypeVar("T")


@lru_cache(maxsize=4096)
def address_of(peer: str) -> str:
    """Who counts as one: an IPv4 address; of IPv6 the network, in which one machine may have any number of addresses."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address), 64), strict=False))


def too_many(seconds: float) -> RateLimited:
    """The refusal of who has to wait."""
    wait = math.ceil(seconds)
    unit = "second" if wait == 1 else "seconds"
    return RateLimited(f"Too many tries. Please wait {wait} {unit}, then try again.", retry_after=wait)


class _Failures(msgspec.Struct):
    count: int = 0
    not_before: float = 0.0


class SignInThrottle:
    """Weighs password tries; every table is bounded."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._accounts = paces_a_minute(limits.tries_per_account, clock)
        self._known = paces_a_minute(limits.tries_per_account, clock)
        self._addresses = paces_a_minute(limits.tries_per_address, clock)
        self._failures: OrderedDict[Pair, _Failures] = OrderedDict()
        self._signed_in: OrderedDict[Pair, None] = OrderedDict()
        self._looking: Counter[object] = Counter()

    def knows(self, username: str, address: str) -> bool:
        """Whether this account has signed in at this address before."""
        return _pair(username, address) in self._signed_in

    def may_turn_out_well(self, username: str, address: str) -> bool:
        """Whether tries of this account or address are being looked at: right ones make room for who waits for them."""
        return self._looking[_pair(username, address)[0]] > 0 or self._looking[address] > 0

    def begin(self, username: str, address: str) -> None:
        """A password is to be looked at. Raises RateLimited with `retry_after`; then it counts for nothing."""
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
        self._looking.update((pair[0], address))

    def abandoned(self, username: str, address: str) -> None:
        """The try that began was not looked at after all."""
        pair = _pair(username, address)
        self._looked_at(pair)
        self._addresses.give_back(address)
        self._budget(pair).give_back(self._key(pair))

    def succeeded(self, username: str, address: str) -> None:
        """The password was right: whoever tried here is forgiven, and known from now on."""
        self.abandoned(username, address)
        pair = _pair(username, address)
        self._failures.pop(pair, None)
        _remember(self._signed_in, pair, None)

    def failed(self, username: str, address: str) -> None:
        """The password was wrong, or there is no such account."""
        pair, now = _pair(username, address), self._clock()
        self._looked_at(pair)
        failures = self._failures.get(pair, _Failures())
        if now - failures.not_before > FORGET_SECONDS:
            failures = _Failures()
        failures.count += 1
        doublings = failures.count - FREE_FAILURES - 1
        delay = min(LONGEST_DELAY, 2.0 ** min(doublings, 10)) if doublings >= 0 else 0.0
        failures.not_before = now + delay
        _remember(self._failures, pair, failures)

    def _looked_at(self, pair: Pair) -> None:
        for key in (pair[0], pair[1]):
            self._looking[key] -= 1
            if self._looking[key] <= 0:
                del self._looking[key]

    def _budget(self, pair: Pair) -> Paces:
        return self._known if pair in self._signed_in else self._accounts

    def _key(self, pair: Pair) -> object:
        return pair if pair in self._signed_in else pair[0]


def _pair(username: str, address: str) -> Pair:
    return hashlib.blake2b(username.casefold().encode(), digest_size=16).digest(), address


def _remember(table: OrderedDict[Pair, T], pair: Pair, value: T) -> None:
    table[pair] = value
    table.move_to_end(pair)
    if len(table) > MOST_REMEMBERED:
        table.popitem(last=False)
