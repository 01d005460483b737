"""KioskWindow under touch, mouse and keys, on a scripted bridge."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from core import wording
from core.errors import ServiceFull, UntrustedHub
from core.qt.look.theme import Theme, ThemeMode
from core.wire.session import ConnectionState
from kiosk_app.kiosk import kiosk_flow as flow
from kiosk_app.kiosk.kiosk_flow import KioskPage
from kiosk_app.kiosk.kiosk_window import KioskWindow
from kiosk_app.kiosk.service_cards import CardDrawing
from kiosk_app.shared.physical_scale import CARD_MM, DRIFT_MM, GAP_MM, TARGET_MM, PhysicalScale
from tests.support.kiosk_hands import SCREENS, Hands, bring_to_front
from tests.support.scripted_bridge import ScriptedBridge, service, ticket


@pytest.fixture
def hands(qtbot: QtBot) -> Iterator[Hands]:
    made = Hands(SCREENS["21.5 inch portrait"])
    yield made
    made.window.close()


def test_the_ticket_page_ends_by_itself(hands: Hands) -> None:
    hands.open_with(1)
    QTest.mouseClick(hands.window.welcome.cards[0], Qt.MouseButton.LeftButton)
    hands.bridge.asked[0][2].succeeded.emit(ticket())
    hands.wait(flow.TICKET_SHOWN + 0.1)
    assert hands.page is KioskPage.WELCOME


def test_a_touch_acts_on_release_and_forgives_three_millimetres(hands: Hands) -> None:
    hands.open_with(2)
    card = hands.window.welcome.cards[0]
    drift = SCREENS["21.5 inch portrait"].mm(DRIFT_MM)
    edge = QPoint(card.width() // 2, 1)
    QTest.mousePress(card, Qt.MouseButton.LeftButton, pos=edge)
    assert hands.bridge.asked == []
    QTest.mouseMove(card, edge - QPoint(0, drift * 2))
    QTest.mouseRelease(card, Qt.MouseButton.LeftButton, pos=edge - QPoint(0, drift * 2))
    assert hands.bridge.asked == []
    QTest.mousePress(card, Qt.MouseButton.LeftButton, pos=edge)
    QTest.mouseMove(card, edge - QPoint(0, drift - 1))
    QTest.mouseRelease(card, Qt.MouseButton.LeftButton, pos=edge - QPoint(0, drift - 1))
    assert len(hands.bridge.asked) == 1


def test_a_finger_works_like_a_mouse(qtbot: QtBot, hands: Hands) -> None:
    hands.open_with(2)
    bring_to_front(hands.window, qtbot)
    finger = QTest.createTouchDevice()
    card = hands.window.welcome.cards[1]
    place = card.mapTo(hands.window, card.rect().center())
    drift = QPoint(SCREENS["21.5 inch portrait"].mm(DRIFT_MM) - 1, 0)
    QTest.touchEvent(hands.window, finger).press(0, place, hands.window).commit()
    QTest.touchEvent(hands.window, finger).move(0, place + drift, hands.window).commit()
    QTest.touchEvent(hands.window, finger).release(0, place + drift, hands.window).commit()
    assert [values for _, values, _ in hands.bridge.asked] == [("S1",)]


def test_everything_works_by_keyboard(qtbot: QtBot, hands: Hands) -> None:
    hands.open_with(3)
    window = hands.window
    bring_to_front(window, qtbot)
    QTest.keyClick(window.welcome, Qt.Key.Key_Tab)
    first = window.focusWidget()
    assert first is window.welcome.cards[0]
    QTest.keyClick(first, Qt.Key.Key_Down)
    assert window.focusWidget() is window.welcome.cards[1]
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Return)
    assert hands.bridge.asked[0][1] == ("S1",)
    hands.bridge.asked[0][2].succeeded.emit(ticket())
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Space)
    assert hands.page is KioskPage.TICKET
    hands.wait(flow.DONE_DEAF)
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Space)
    assert hands.page is KioskPage.WELCOME


def test_the_keyboards_focus_can_be_seen(qtbot: QtBot, hands: Hands) -> None:
    hands.open_with(2)
    card = hands.window.welcome.cards[0]
    bring_to_front(hands.window, qtbot)
    plain = card.grab().toImage()
    card.setFocus(Qt.FocusReason.TabFocusReason)
    assert card.grab().toImage() != plain
    card.clearFocus()
    card.setFocus(Qt.FocusReason.MouseFocusReason)
    assert card.grab().toImage() == plain


def test_a_closed_service_says_so_and_can_not_be_touched(hands: Hands) -> None:
    hands.bridge.offer(service("A", "Doctor"), service("V", "Vaccinations", state="closed"))
    hands.bridge.become(ConnectionState.LIVE)
    hands.window.refresh()
    hands.wait(1)
    closed = hands.window.welcome.cards[1]
    assert closed.accessibleName() == "Vaccinations. Closed"
    QTest.mouseClick(closed, Qt.MouseButton.LeftButton)
    assert hands.bridge.asked == []


def test_a_refusal_is_a_sentence_in_the_window(hands: Hands) -> None:
    hands.open_with(2)
    QTest.mouseClick(hands.window.welcome.cards[0], Qt.MouseButton.LeftButton)
    hands.bridge.asked[0][2].failed.emit(ServiceFull())
    assert hands.page is KioskPage.WELCOME
    assert hands.window.welcome.notice.text() == wording.refusal("service_full", "")
    hands.wait(flow.NOTICE_SHOWN + 1)
    assert hands.window.welcome.notice.isHidden()


def test_a_lost_hub_is_shown_and_its_late_answer_too(hands: Hands) -> None:
    hands.open_with(2)
    QTest.mouseClick(hands.window.welcome.cards[0], Qt.MouseButton.LeftButton)
    hands.bridge.become(ConnectionState.LOST)
    assert hands.page is KioskPage.OFFLINE
    assert "If it appears here" in hands.window.offline.sentence
    hands.wait(4)
    hands.bridge.become(ConnectionState.LIVE)
    hands.bridge.asked[0][2].succeeded.emit(ticket())
    assert hands.page is KioskPage.TICKET
    assert len(hands.bridge.asked) == 1


def test_an_unclaimed_ticket_is_cancelled(hands: Hands) -> None:
    hands.open_with(2)
    QTest.mouseClick(hands.window.welcome.cards[0], Qt.MouseButton.LeftButton)
    hands.bridge.become(ConnectionState.LOST)
    hands.wait(flow.RECENT + 10)
    hands.bridge.become(ConnectionState.LIVE)
    hands.bridge.asked[0][2].succeeded.emit(ticket("A012"))
    assert hands.page is KioskPage.WELCOME
    assert hands.bridge.asked[1][:2] == ("cancel", ("id-A012",))


def test_refused_credentials_tell_patients_where_to_go_and_staff_why(hands: Hands) -> None:
    hands.bridge.refusal = ServiceFull("The token was revoked.")
    hands.bridge.become(ConnectionState.REFUSED)
    assert hands.window.offline.heading == wording.OFFLINE[0]
    assert hands.window.offline.aside == "For staff: The token was revoked."


def test_an_untrusted_hub_is_reported_to_staff(hands: Hands) -> None:
    hands.bridge.trouble = UntrustedHub("The hub's certificate has expired.")
    hands.bridge.become(ConnectionState.LOST)
    assert hands.window.offline.heading == wording.OFFLINE[0]
    assert hands.window.offline.aside == "For staff: The hub's certificate has expired."


def test_a_stale_hub_sends_patients_to_reception_until_it_recovers(hands: Hands) -> None:
    hands.open_with(3)
    hands.bridge.doubt(True)
    assert hands.page is KioskPage.OFFLINE
    assert hands.window.offline.heading == "Please ask at reception"
    hands.bridge.doubt(False)
    assert hands.page is KioskPage.WELCOME


@pytest.mark.parametrize("count", [0, 1, 13])
@pytest.mark.parametrize("size", [(1, 1), (200, 100), (100, 200), (320, 240), (1920, 300)])
def test_a_window_of_any_size_can_be_drawn(qtbot: QtBot, size: tuple[int, int], count: int) -> None:
    hands = Hands(PhysicalScale(2.97, *size))
    hands.open_with(count)
    hands.window.grab()
    QTest.mouseClick(hands.window, Qt.MouseButton.LeftButton)
    hands.bridge.become(ConnectionState.LOST)
    hands.window.grab()
    hands.window.close()


def test_full_screen_takes_the_screen(qtbot: QtBot) -> None:
    bridge = ScriptedBridge()
    window = KioskWindow(bridge, theme=Theme(ThemeMode.LIGHT))  # type: ignore[arg-type]
    window.open()
    qtbot.waitUntil(lambda: window.size() == window.screen().size())
    window.close()


@pytest.mark.parametrize("count", [1, 4, 5, 7, 10, 13])
@pytest.mark.parametrize("screen", SCREENS)
def test_controls_are_large_enough_apart_and_inside(qtbot: QtBot, screen: str, count: int) -> None:
    scale = SCREENS[screen]
    hands = Hands(scale)
    hands.open_with(count)
    shown = 0
    for _ in range(count):
        cards = hands.window.welcome.cards
        shown += len(cards)
        assert all(card.height() >= scale.mm(CARD_MM) for card in cards)
        check_controls(hands.window.welcome, scale)
        if shown == count:
            break
        hands.window.welcome.sheet_wanted.emit(hands.window.screen_shown.sheet + 1)
        hands.wait(1)
    assert shown == count
    hands.window.close()


def check_controls(page: QWidget, scale: PhysicalScale) -> None:
    """Asserts that each control of a page is at least 20 mm large, 4 mm apart, inside the window, and named."""
    controls = [each for each in page.findChildren(QAbstractButton) if each.isVisible()]
    window = QRect(0, 0, scale.width, scale.height)
    half = scale.mm(GAP_MM) // 2
    for control in controls:
        assert control.width() >= scale.mm(TARGET_MM)
        assert control.height() >= scale.mm(TARGET_MM)
        assert window.contains(control.geometry())
        assert control.accessibleName() or control.text()
    for first, second in combinations(controls, 2):
        grown = first.geometry().adjusted(-half, -half, half - 1, half - 1)
        assert not grown.intersects(second.geometry().adjusted(-half, -half, half - 1, half - 1))


@pytest.mark.parametrize("screen", SCREENS)
def test_words_are_never_smaller_than_can_be_read(qtbot: QtBot, screen: str) -> None:
    scale = SCREENS[screen]
    hands = Hands(scale)
    hands.open_with(10)
    layout = hands.window.welcome.layout_shown
    assert layout is not None
    for card in hands.window.welcome.cards:
        drawing = CardDrawing(Theme(ThemeMode.LIGHT), scale, layout.cards.text, card.width(), card.words)
        assert min(drawing.capitals_mm) >= 4.7
        assert not drawing.cut
    hands.window.close()


@pytest.mark.parametrize("screen", SCREENS)
def test_the_number_is_very_large_on_every_screen(qtbot: QtBot, screen: str) -> None:
    scale = SCREENS[screen]
    hands = Hands(scale)
    hands.open_with(1)
    QTest.mouseClick(hands.window.welcome.cards[0], Qt.MouseButton.LeftButton)
    hands.bridge.asked[0][2].succeeded.emit(ticket())
    assert hands.window.ticket.number_mm >= 25
    check_controls(hands.window.ticket, scale)
    hands.window.close()
