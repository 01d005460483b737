"""The kiosk's flow without Qt: the page after each touch, answer, refusal, change of connection, and timeout."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.wire.session import ConnectionState
from kiosk_app.kiosk import kiosk_flow as flow
from kiosk_app.kiosk.kiosk_flow import KioskPage, Screen
from tests.support.builders import make_ticket

LIVE, LOST, CONNECTING = ConnectionState.LIVE, ConnectionState.LOST, ConnectionState.CONNECTING
TICKET = make_ticket(id="t1", position=4)


def welcome(now: float = 10.0) -> Screen:
    return flow.connection(flow.start(0.0), LIVE, now)


def joining() -> Screen:
    return flow.touched_service(welcome(), "A", 11.0)


def with_ticket() -> Screen:
    return flow.answered(joining(), 1, TICKET, 11.2)


def test_a_touch_sends_a_request_and_the_answer_shows_the_ticket() -> None:
    screen = joining()
    assert screen.page is KioskPage.JOINING
    assert screen.request == flow.TicketRequest(1, "A", 11.0)
    assert with_ticket().ticket == TICKET


def test_a_second_touch_within_half_a_second_is_the_same_touch() -> None:
    shown = with_ticket()
    assert flow.touched_service(joining(), "B", 11.1) == joining()
    assert flow.done(shown, 11.2 + 0.7) == shown
    assert flow.done(shown, 11.2 + flow.DONE_DEAF - 0.01) == shown
    back = flow.done(shown, 14.0)
    assert back.page is KioskPage.WELCOME
    assert flow.touched_service(back, "A", 14.3) == back
    assert flow.touched_service(back, "A", 14.6).request == flow.TicketRequest(2, "A", 14.6)


def test_the_ticket_page_ends_by_itself() -> None:
    shown = with_ticket()
    assert flow.time_passed(shown, 41.0).page is KioskPage.TICKET
    assert flow.remaining(shown, 11.2 + flow.TICKET_SHOWN / 2) == 0.5
    assert flow.time_passed(shown, 41.3).page is KioskPage.WELCOME


def test_a_refusal_is_shown_above_the_cards_for_a_while() -> None:
    screen = flow.refused(joining(), 1, "This service has just closed.", 11.2)
    assert (screen.page, screen.notice) == (KioskPage.WELCOME, "This service has just closed.")
    assert flow.time_passed(screen, 20.0).notice is not None
    assert flow.time_passed(screen, 24.0).notice is None


def test_the_start_page_becomes_slow_or_offline_without_a_hub() -> None:
    screen = flow.connection(flow.start(0.0), CONNECTING, 0.1)
    assert (screen.page, screen.slow) == (KioskPage.STARTING, False)
    assert flow.time_passed(screen, 6.0).slow
    assert flow.connection(screen, LOST, 1.0).page is KioskPage.OFFLINE


def test_a_lost_hub_shows_the_offline_page_until_it_returns() -> None:
    offline = flow.connection(welcome(), LOST, 20.0)
    assert offline.page is KioskPage.OFFLINE
    assert flow.touched_service(offline, "A", 21.0) == offline
    assert flow.connection(offline, LIVE, 30.0).page is KioskPage.WELCOME


def test_the_kiosk_is_offline_while_the_hubs_database_is_unreachable() -> None:
    stale_screen = flow.connection(welcome(), LIVE, 20.0, stale=True)
    assert stale_screen.page is KioskPage.OFFLINE
    assert flow.touched_service(stale_screen, "A", 21.0) == stale_screen
    assert flow.connection(stale_screen, LIVE, 30.0).page is KioskPage.WELCOME
    owed = flow.connection(joining(), LIVE, 12.0, stale=True)
    assert (owed.page, owed.request) == (KioskPage.OFFLINE, joining().request)
    assert flow.answered(owed, 1, TICKET, 13.0).page is KioskPage.TICKET


def test_an_answer_soon_after_the_hub_returns_is_shown() -> None:
    lost = flow.connection(joining(), LOST, 12.0)
    assert lost.page is KioskPage.OFFLINE
    back = flow.connection(lost, LIVE, 16.0)
    assert back.page is KioskPage.JOINING
    assert not flow.unclaimed(back, 1, 16.1)
    assert flow.answered(back, 1, TICKET, 16.1).page is KioskPage.TICKET


def test_an_answer_that_arrives_while_offline_is_shown() -> None:
    lost = flow.connection(joining(), LOST, 12.0)
    shown = flow.answered(lost, 1, TICKET, 13.0)
    assert shown.page is KioskPage.TICKET
    assert flow.done(shown, 16.0).page is KioskPage.OFFLINE


def test_a_ticket_that_arrives_too_late_is_unclaimed() -> None:
    lost = flow.connection(joining(), LOST, 12.0)
    back = flow.connection(lost, LIVE, 11.0 + flow.RECENT + 1)
    assert back.page is KioskPage.WELCOME
    assert flow.unclaimed(back, 1, 80.0)
    assert flow.answered(back, 1, TICKET, 80.0) == back


def test_a_request_without_an_answer_returns_to_the_welcome_page() -> None:
    slow = flow.time_passed(joining(), 17.0)
    assert slow.slow
    over = flow.time_passed(slow, 11.0 + flow.RECENT + 1)
    assert (over.page, over.request) == (KioskPage.WELCOME, None)
    assert over.notice is not None
    assert flow.unclaimed(over, 1, 90.0)


def test_the_ticket_page_stays_when_the_hub_is_lost() -> None:
    lost = flow.connection(with_ticket(), LOST, 15.0)
    assert lost.page is KioskPage.TICKET
    assert flow.time_passed(lost, 60.0).page is KioskPage.OFFLINE


def test_the_first_sheet_returns_after_a_while_without_touches() -> None:
    second = flow.sheet_turned(welcome(), 1, 11.0)
    assert second.sheet == 1
    assert flow.time_passed(second, 50.0).sheet == 1
    assert flow.time_passed(flow.touched_elsewhere(second, 40.0), 60.0).sheet == 1
    assert flow.time_passed(second, 56.5).sheet == 0


_events = st.lists(
    st.tuples(
        st.sampled_from(["touch", "answer", "refuse", "done", "live", "lost", "time", "turn"]),
        st.floats(min_value=0.01, max_value=50),
    ),
    max_size=40,
)


@given(_events)
def test_any_sequence_of_events_leaves_a_consistent_screen(events: list[tuple[str, float]]) -> None:
    screen, now = flow.start(0.0), 0.0
    for event, pause in events:
        now += pause
        screen = _after(screen, event, now)
        assert (screen.page is KioskPage.TICKET) == (screen.ticket is not None)
        assert screen.page is not KioskPage.JOINING or screen.request is not None
        assert screen.page is not KioskPage.WELCOME or screen.live
        assert screen.request is None or screen.request.number == screen.requests_made


def _after(screen: Screen, event: str, now: float) -> Screen:
    steps = {
        "touch": lambda: flow.touched_service(screen, "A", now),
        "answer": lambda: flow.answered(screen, screen.requests_made, TICKET, now),
        "refuse": lambda: flow.refused(screen, screen.requests_made, "No.", now),
        "done": lambda: flow.done(screen, now),
        "live": lambda: flow.connection(screen, LIVE, now),
        "lost": lambda: flow.connection(screen, LOST, now),
        "time": lambda: flow.time_passed(screen, now),
        "turn": lambda: flow.sheet_turned(screen, 1, now),
    }
    return steps[event]()
