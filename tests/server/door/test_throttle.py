"""Rate limits, and the throttle of sign-ins before the password is hashed, with a clock that the test moves."""

from __future__ import annotations

import pytest

from core.errors import RateLimited
from core.settings import Settings
from server.door.known_clients import MOST, KnownClients, Principal
from server.door.limits import Limits, Pace, Paces, limits_of
from server.door.throttle import LONGEST_DELAY, SignInThrottle, address_of

HOME, AWAY = "10.0.0.5", "10.0.0.66"


class Clock:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def delay_of(throttle: SignInThrottle, name: str, address: str) -> int:
    """The seconds for which a try would be delayed, 0 if its password may be verified now; the try is abandoned."""
    try:
        throttle.begin(name, address)
    except RateLimited as refused:
        return int(refused.data["retry_after"])
    throttle.abandoned(name, address)
    return 0


def was_verified(throttle: SignInThrottle, name: str, address: str, *, right: bool = False) -> bool:
    """Whether the throttle lets a password be verified; the password is wrong unless `right`."""
    if wait := delay_of(throttle, name, address):
        assert wait <= LONGEST_DELAY
        return False
    throttle.begin(name, address)
    (throttle.succeeded if right else throttle.failed)(name, address)
    return True


def test_a_pace_allows_a_burst_and_then_its_rate() -> None:
    clock = Clock()
    pace = Pace(20, 100, clock)
    assert sum(pace.take() == 0 for _ in range(200)) == 100
    assert pace.take() == pytest.approx(1 / 20)
    clock.now += pace.take() + 1e-9
    assert (pace.take(), pace.take() > 0) == (0, True)
    served = 0
    for _ in range(1000):
        clock.now += 0.01
        served += pace.take() == 0
    assert served == pytest.approx(200, abs=1)


def test_a_full_table_of_paces_drops_the_least_recently_used() -> None:
    paces = Paces(1, 1, most=10, clock=Clock())
    for key in range(100):
        paces.take(key)
    assert len(paces) == 10
    assert paces.look(99) > 0
    assert paces.look(0) == 0


def test_an_account_gets_at_most_ten_tries_a_minute_from_all_addresses() -> None:
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    tried: list[float] = []
    for n in range(12_000):
        clock.now += 1 / 200
        if was_verified(throttle, "alice", f"10.0.{n % 250}.{n % 7}"):
            tried.append(clock.now)
    for start in tried:
        assert sum(start <= at < start + 60 for at in tried) <= 10
    assert len(tried) >= 8


def test_an_address_gets_at_most_thirty_tries_a_minute_for_all_names() -> None:
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    tried = 0
    for n in range(12_000):
        clock.now += 1 / 200
        tried += was_verified(throttle, f"name {n}", AWAY)
    assert 25 <= tried <= 30


def test_an_attacked_person_still_signs_in_at_a_known_address() -> None:
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    assert was_verified(throttle, "alice", HOME, right=True)
    for n in range(2000):
        clock.now += 1 / 200
        was_verified(throttle, "Alice", f"10.0.1.{n % 250}")
        if n % 200 == 0:
            assert was_verified(throttle, "alice", HOME, right=True)


def test_a_single_attacker_leaves_tries_for_a_person_at_a_new_address() -> None:
    """The delay of the attacker's address grows, so that most of the account's ten tries a minute are left."""
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    for n in range(24_000):
        clock.now += 1 / 200
        was_verified(throttle, "alice", AWAY)
        if n > 6000 and n % 6000 == 0:
            assert was_verified(throttle, "alice", HOME, right=True)


def test_the_delay_grows_to_a_ceiling_and_the_right_password_resets_it() -> None:
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    waits = []
    for _ in range(12):
        throttle.begin("bob", HOME)
        throttle.failed("bob", HOME)
        waits.append(delay_of(throttle, "bob", HOME))
        clock.now += max(waits[-1], 12)
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert was_verified(throttle, "bob", HOME, right=True)
    assert [was_verified(throttle, "bob", HOME) for _ in range(4)] == [True, True, True, True]


def test_an_unknown_account_is_throttled_like_a_known_one() -> None:
    def story(name: str) -> list[bool]:
        clock = Clock()
        throttle = SignInThrottle(Limits(), clock)
        answers = []
        for n in range(600):
            clock.now += 0.1
            answers.append(was_verified(throttle, name, f"10.0.0.{n % 9}"))
        return answers

    assert story("alice") == story("nobody at all")


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_a_single_address(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_known_clients_are_bounded_and_expire() -> None:
    clock = Clock()
    known = KnownClients(clock)
    for n in range(MOST + 10):
        known.remember(Principal(f"user:{n}", "staff", "x", "s", n.to_bytes(4, "big"), clock.now + 60))
    assert len(known) == MOST
    assert known.find((9).to_bytes(4, "big")) is None
    newest = (MOST + 9).to_bytes(4, "big")
    assert known.find(newest) is not None
    clock.now += 61
    assert known.find(newest) is None
    assert len(known) == MOST - 1


def test_limits_are_settable() -> None:
    limits = limits_of(
        Settings(people_rate=5, device_rate=6, device_burst=7, connections=8, connections_per_address=9)
    )
    assert (limits.people_rate, limits.device_rate, limits.device_burst) == (5, 6, 7)
    assert (limits.connections, limits.connections_per_address) == (8, 9)
