"""The wall's board as a function of lines, connection and time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from core import wording
from core.line.tickets import CounterSummary, Ticket
from core.wire.session import ConnectionState
from kiosk_app.wall import monitor_board
from kiosk_app.wall.monitor_board import FRESH, LOST_FOR_GOOD, PULSE, Board, BoardMode, Call
from tests.support.scripted_bridge import NOW, hello, service, ticket

LIVE, LOST, CONNECTING = ConnectionState.LIVE, ConnectionState.LOST, ConnectionState.CONNECTING
COUNTERS = (CounterSummary(code="R3", name="Counter 3"),)
SHORT, LONG = timedelta(minutes=2), LOST_FOR_GOOD + timedelta(seconds=1)


def called(number: str, ago: timedelta, status: str = "consulting") -> Ticket:
    return ticket(number, status=status, position=None, counter="R3", called_at=NOW - ago)


@pytest.mark.parametrize(
    ("state", "lost_for", "known", "mode"),
    [
        (CONNECTING, None, False, BoardMode.WAITING),
        (LIVE, None, False, BoardMode.WAITING),
        (LIVE, None, True, BoardMode.LIVE),
        (LOST, SHORT, True, BoardMode.STALE),
        (LOST, SHORT, False, BoardMode.WAITING),
        (LOST, LONG, True, BoardMode.LOST),
        (CONNECTING, SHORT, True, BoardMode.STALE),
        (ConnectionState.REFUSED, None, True, BoardMode.LOST),
    ],
)
def test_the_mode_follows_the_connection_and_the_known_lines(
    state: ConnectionState, lost_for: timedelta | None, known: bool, mode: BoardMode
) -> None:
    since = NOW - lost_for if lost_for else None
    assert monitor_board.mode_of(state, since, known, NOW) is mode


def test_calls_are_newest_first_and_stand_out_only_while_they_are_new() -> None:
    recent = [called("A011", FRESH), called("B007", PULSE), called("A012", timedelta(seconds=1))]
    assert monitor_board.calls(recent, COUNTERS, NOW, 9) == (
        Call("A012", "Counter 3", fresh=True, pulsing=True),
        Call("B007", "Counter 3", fresh=True),
        Call("A011", "Counter 3"),
    )


@pytest.mark.parametrize("status", ["waiting", "no_show", "cancelled"])
def test_a_ticket_that_is_not_consulting_is_not_shown_as_called(status: str) -> None:
    assert monitor_board.calls([called("A012", SHORT, status=status)], COUNTERS, NOW, 9) == ()


def test_calls_of_yesterday_are_not_shown() -> None:
    assert monitor_board.calls([called("A112", timedelta(hours=14))], COUNTERS, NOW, 9) == ()


def test_the_next_numbers_come_from_every_line_in_turn() -> None:
    first, second = (ticket("A001"), ticket("A002"), ticket("A003")), (ticket("B001"),)
    assert monitor_board.upcoming([first, second], 3) == ("A001", "B001", "A002")


def missed(number: str, minutes: float, day: str = "2026-11-23") -> Ticket:
    return ticket(
        number,
        status="no_show",
        position=None,
        business_day=day,
        ended_at=NOW - timedelta(minutes=minutes),
    )


def test_the_missed_of_all_lines_are_newest_first() -> None:
    found = [missed("A003", 5), missed("A001", 40), missed("B002", 1), missed("B001", 20)]
    assert monitor_board.missed_numbers(found, hello()) == ("B002", "A003", "B001", "A001")


def test_the_missed_of_yesterday_are_not_shown() -> None:
    found = [missed("A003", 900, "2026-11-22"), missed("B001", 20)]
    assert monitor_board.missed_numbers(found, hello()) == ("B001",)
    tomorrow = replace(hello(), site=replace(hello().site, business_day="2026-11-24"))
    assert monitor_board.missed_numbers(found, tomorrow) == ()
    assert monitor_board.missed_numbers(found, None) == ()


def test_a_stale_board_highlights_nothing() -> None:
    board = Board(current=Call("A012", "Counter 3", True, True), recent=(Call("A011", "Counter 2", True),))
    assert monitor_board.calmed(board) == Board(
        current=Call("A012", "Counter 3"), recent=(Call("A011", "Counter 2"),)
    )


def test_before_the_first_call_the_board_says_what_will_happen() -> None:
    zone = wording.time_zone("UTC")
    opened, closed = service("A", "Doctor"), service("A", "Doctor", state="closed", opens_at=NOW + SHORT)
    assert monitor_board.nothing_called([opened], zone, NOW) == wording.NOTHING_CALLED
    assert monitor_board.nothing_called([closed], zone, NOW) == (wording.WALL_CLOSED, "Opens at 10:44")
