"""A second tap, or a finger that is down while the services change: no number is lost, no other service is taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kiosk_app.kiosk import kiosk_flow as flow
from kiosk_app.kiosk.kiosk_flow import KioskPage
from kiosk_app.shared.physical_scale import TARGET_MM
from tests.support.kiosk_hands import NAMES, SCREENS, Hands
from tests.support.scripted_bridge import service, ticket


@pytest.fixture
def hands(qtbot: QtBot) -> Iterator[Hands]:
    made = Hands(SCREENS["21.5 inch portrait"])
    yield made
    made.window.close()


def test_two_touches_join_once_and_show_the_ticket(hands: Hands) -> None:
    hands.open_with(3)
    card = hands.window.welcome.cards[0]
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    [(method, values, reply)] = hands.bridge.asked
    assert (method, values) == ("join", ("S0",))
    reply.succeeded.emit(ticket("A012", service="S0"))
    assert hands.page is KioskPage.TICKET
    spoken = hands.window.ticket.accessibleName()
    assert "A, zero one two" in spoken
    assert "See a doctor" in spoken
    assert "3 people ahead" in spoken


def test_done_is_ignored_just_after_the_ticket_appears_and_returns_later(hands: Hands) -> None:
    hands.open_with(1)
    QTest.mouseClick(hands.window.welcome.cards[0], Qt.MouseButton.LeftButton)
    hands.bridge.asked[0][2].succeeded.emit(ticket())
    for seconds in (0.7, flow.DONE_DEAF - 0.71):
        hands.wait(seconds)
        QTest.mouseClick(hands.window.ticket.done_button, Qt.MouseButton.LeftButton)
        assert hands.page is KioskPage.TICKET
    hands.wait(0.02)
    QTest.mouseClick(hands.window.ticket.done_button, Qt.MouseButton.LeftButton)
    assert hands.page is KioskPage.WELCOME


def test_a_list_that_changes_under_the_finger_takes_nothing(hands: Hands) -> None:
    hands.open_with(3)
    card = hands.window.welcome.cards[1]
    QTest.mousePress(card, Qt.MouseButton.LeftButton)
    hands.bridge.offer(service("S9", "Blood tests"), *hands.bridge.services)
    hands.window.refresh()
    QTest.mouseMove(card, card.rect().center() + QPoint(2, 2))
    QTest.mouseRelease(card, Qt.MouseButton.LeftButton)
    assert hands.bridge.asked == []
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert [values for _, values, _ in hands.bridge.asked] == [("S0",)]


def test_figures_that_change_under_the_finger_take_what_was_pressed(hands: Hands) -> None:
    hands.open_with(3)
    card = hands.window.welcome.cards[1]
    QTest.mousePress(card, Qt.MouseButton.LeftButton)
    hands.bridge.offer(*(service(f"S{index}", name, waiting=9) for index, name in enumerate(NAMES[:3])))
    hands.window.refresh()
    QTest.mouseRelease(card, Qt.MouseButton.LeftButton)
    assert [values for _, values, _ in hands.bridge.asked] == [("S1",)]


def test_a_service_that_closes_under_the_finger_takes_nothing(hands: Hands) -> None:
    hands.open_with(2)
    card = hands.window.welcome.cards[0]
    QTest.mousePress(card, Qt.MouseButton.LeftButton)
    hands.bridge.offer(service("S1", NAMES[1]))
    hands.window.refresh()
    QTest.mouseRelease(card, Qt.MouseButton.LeftButton)
    assert hands.bridge.asked == []


@pytest.mark.parametrize("count", [1, 4, 5, 7, 10, 13])
@pytest.mark.parametrize("screen", SCREENS)
def test_done_lies_where_no_card_can_be(qtbot: QtBot, screen: str, count: int) -> None:
    scale = SCREENS[screen]
    hands = Hands(scale)
    hands.open_with(count)
    done = hands.window.ticket.done_button.geometry()
    assert done.height() >= scale.mm(TARGET_MM)
    for _ in range(count):
        assert not any(card.geometry().intersects(done) for card in hands.window.welcome.cards)
        hands.window.welcome.sheet_wanted.emit(hands.window.screen_shown.sheet + 1)
        hands.wait(1)
    hands.window.close()
