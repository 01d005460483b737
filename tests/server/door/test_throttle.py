"""Limits and the throttle before the password's hash, by a clock of the test's own."""

from __future__ import annotations

import pytest

from core.errors import RateLimited
from core.settings import Settings
from server.door.known_clients import MOST, KnownClients, Principal
from server.door.limits import Limits, Pace, Paces, limits_of
from server.door.throttle import LONGEST_DELAY, SignInThrottle, address_of

HOME, AWAY = "10.0.0.5", "10.0.0.66"


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def asked_to_wait(throttle: SignInThrottle, name: str, address: str) -> int:
    """The seconds that a try is asked to wait; 0 when it may be looked at, and is not."""
    try:
        throttle.begin(name, address)
    except RateLimited as refused:
        return int(refused.data["retry_after"])
    throttle.abandoned(name, address)
    return 0


def looked_at(throttle: SignInThrottle, name: str, address: str, *, right: bool = False) -> bool:
    """Whether one try of a password is looked at; wrong unless said."""
    if wait := asked_to_wait(throttle, name, address):
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


def test_the_tables_are_bounded_and_forget_who_was_not_seen_for_longest() -> None:
    paces = Paces(1, 1, most=10, clock=Clock())
    for key in range(100):
        paces.take(key)
    assert len(paces) == 10
    assert paces.look(99) > 0
    assert paces.look(0) == 0


def test_an_account_is_tried_ten_times_a_minute_at_most_from_however_many_addresses() -> None:
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    tried: list[float] = []
    for n in range(12_000):
        clock.now += 1 / 200
        if looked_at(throttle, "alice", f"10.0.{n % 250}.{n % 7}"):
            tried.append(clock.now)
    for start in tried:
        assert sum(start <= at < start + 60 for at in tried) <= 10
    assert len(tried) >= 8


def test_an_address_is_heard_thirty_times_a_minute_at_most_whatever_names_it_gives() -> None:
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    heard = 0
    for n in range(12_000):
        clock.now += 1 / 200
        heard += looked_at(throttle, f"name {n}", AWAY)
    assert 25 <= heard <= 30


def test_a_person_who_is_attacked_still_signs_in_where_they_have_before() -> None:
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    assert looked_at(throttle, "alice", HOME, right=True)
    for n in range(2000):
        clock.now += 1 / 200
        looked_at(throttle, "Alice", f"10.0.1.{n % 250}")
        if n % 200 == 0:
            assert looked_at(throttle, "alice", HOME, right=True)


def test_one_attacker_leaves_room_for_a_person_at_a_new_place() -> None:
    """The delay of the attacker's address grows, so that most of the account's ten tries a minute are left."""
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    for n in range(24_000):
        clock.now += 1 / 200
        looked_at(throttle, "alice", AWAY)
        if n > 6000 and n % 6000 == 0:
            assert looked_at(throttle, "alice", HOME, right=True)


def test_the_delay_grows_has_a_ceiling_and_is_forgiven_by_the_right_password() -> None:
    clock = Clock()
    throttle = SignInThrottle(Limits(), clock)
    waits = []
    for _ in range(12):
        throttle.begin("bob", HOME)
        throttle.failed("bob", HOME)
        waits.append(asked_to_wait(throttle, "bob", HOME))
        clock.now += max(waits[-1], 12)
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert looked_at(throttle, "bob", HOME, right=True)
    assert [looked_at(throttle, "bob", HOME) for _ in range(4)] == [True, True, True, True]


def test_an_unknown_account_is_throttled_like_a_known_one() -> None:
    def story(name: str) -> list[bool]:
        clock = Clock()
        throttle = SignInThrottle(Limits(), clock)
        answers = []
        for n in range(600):
            clock.now += 0.1
            answers.append(looked_at(throttle, name, f"10.0.0.{n % 9}"))
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
def test_of_ipv6_a_network_counts_as_one(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_whom_the_hub_knows_is_bounded_and_forgotten_in_time() -> None:
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
