"""MonitorWindow: its words, sizes and chimes, and that it repaints only what changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from core import wording
from core.line.tickets import CounterSummary, QueueEvent, Ticket
from core.qt.look.theme import Theme, ThemeMode
from core.wire.session import ConnectionState
from kiosk_app.wall.announcer import Announcement, Announcer
from kiosk_app.wall.monitor_board import BoardMode, Call
from kiosk_app.wall.monitor_window import MonitorWindow
from kiosk_app.wall.wall_panel import LEAST
from tests.support.scripted_bridge import NOW, ScriptedBridge, service, ticket

SIZES = [(1920, 1080), (1080, 1920), (1280, 1024), (3840, 2160), (1280, 720)]


class Wall:
    """A monitor window, its scripted bridge, and a clock that the test moves."""

    def __init__(self, size: tuple[int, int] = (1280, 720), reduce_motion: bool = False) -> None:
        self.bridge = ScriptedBridge()
        self.announcer = Announcer(player=())
        self.heard: list[str] = []
        self.announcer.started.connect(self._hear)
        self.window = MonitorWindow(
            self.bridge,  # type: ignore[arg-type]
            windowed=True,
            theme=Theme(ThemeMode.LIGHT, reduce_motion=reduce_motion),
            announcer=self.announcer,
        )
        self.window.resize(*size)
        self.window.show()

    def _hear(self, announcement: Announcement) -> None:
        self.heard.append(f"{announcement.number} {announcement.counter}")

    def open(self) -> None:
        """Connects a hub with two lines, two counters and an earlier call."""
        self.bridge.offer(service("A", "See a doctor"), service("B", "Blood tests"))
        self.bridge.place_counters(
            CounterSummary(code="R1", name="Counter 1"), CounterSummary(code="R3", name="Counter 3")
        )
        self.bridge.snapshot("A", waiting=tuple(ticket(f"A{n:03}", position=n - 11) for n in range(12, 15)))
        self.bridge.snapshot("B", recent=(self.called("B007", "R1", 300),))
        self.bridge.become(ConnectionState.LIVE)
        self.window.refresh()

    def called(self, number: str, counter: str, ago: float) -> Ticket:
        at = self.bridge.time - timedelta(seconds=ago)
        return ticket(number, status="consulting", position=None, counter=counter, called_at=at)

    def call(self, number: str, counter: str = "R3", at: datetime | None = None, revision: int = 2) -> None:
        """Calls a ticket from the head of line A to a counter."""
        event = QueueEvent(
            service="A",
            revision=revision,
            kind="called",
            at=at or self.bridge.time,
            ticket=self.called(number, counter, 0),
            from_position=1,
            waiting=2,
        )
        self.bridge.happen(event)
        self.window.refresh()

    def wait(self, seconds: float) -> None:
        self.bridge.time += timedelta(seconds=seconds)
        self.window.tick()


@pytest.fixture
def wall(qtbot: QtBot) -> Iterator[Wall]:
    made = Wall()
    yield made
    made.window.close()


def test_a_call_is_shown_with_its_counter_and_chimed_once(qtbot: QtBot, wall: Wall) -> None:
    wall.open()
    wall.call("A012")
    board = wall.window.board
    assert board.current == Call("A012", "Counter 3", fresh=True, pulsing=True)
    assert board.recent == (Call("B007", "Counter 1"),)
    assert board.upcoming == ("A013", "A014")
    assert wall.window.call_panel.accessibleName() == "Ticket A, zero one two, Counter 3"
    qtbot.waitUntil(lambda: wall.heard == ["A012 Counter 3"])


def test_a_snapshot_is_shown_but_not_chimed(wall: Wall) -> None:
    wall.open()
    wall.bridge.snapshot("A", recent=(wall.called("A011", "R3", 2),))
    wall.window.refresh()
    assert wall.window.board.current == Call("A011", "Counter 3", fresh=True, pulsing=True)
    assert wall.heard == []


def test_an_old_call_that_arrives_late_is_shown_but_not_chimed(wall: Wall) -> None:
    wall.open()
    wall.call("A012", at=NOW - timedelta(seconds=90))
    assert wall.heard == []
    assert wall.announcer.waiting == 0


def test_a_call_pulses_once_a_second_for_five_seconds_then_is_steady(wall: Wall) -> None:
    wall.open()
    wall.call("A012")
    seen = []
    for _ in range(14):
        wall.wait(0.5)
        seen.append(wall.window.call_panel.dimmed)
    assert seen[:9] == [True, False] * 4 + [True]
    assert not any(seen[9:])
    current = wall.window.board.current
    assert current is not None
    assert current.fresh
    wall.wait(14)
    assert wall.window.board.current == Call("A012", "Counter 3")


def test_nothing_pulses_with_reduced_motion(qtbot: QtBot) -> None:
    wall = Wall(reduce_motion=True)
    wall.open()
    wall.call("A012")
    wall.wait(0.5)
    assert not wall.window.call_panel.dimmed
    wall.window.close()


def test_a_lost_hub_keeps_the_board_and_shows_since_when(wall: Wall) -> None:
    wall.open()
    wall.call("A012")
    wall.bridge.become(ConnectionState.LOST, since=NOW)
    wall.wait(60)
    assert wall.window.board.mode is BoardMode.STALE
    assert wall.window.board.current == Call("A012", "Counter 3")
    assert wall.window.frame.isVisible()
    assert wall.window.next_bar.accessibleName() == wording.stale_since("10:42")


def test_after_five_minutes_the_numbers_are_taken_down(wall: Wall) -> None:
    wall.open()
    wall.bridge.become(ConnectionState.LOST, since=NOW)
    wall.wait(301)
    assert wall.window.board.mode is BoardMode.LOST
    assert wording.WALL_LOST[0] in wall.window.call_panel.accessibleName()
    assert not any(row.isVisible() for row in wall.window.rows)
    wall.bridge.become(ConnectionState.LIVE)
    wall.window.refresh()
    assert wall.window.board.mode is BoardMode.LIVE
    assert wall.window.rows[0].isVisible()


@pytest.mark.parametrize("size", SIZES)
def test_sizes_follow_the_shorter_side(qtbot: QtBot, size: tuple[int, int]) -> None:
    wall = Wall(size)
    wall.open()
    wall.call("A012")
    side, window = min(size), wall.window
    assert window.call_panel.number_height >= 0.14 * side
    assert window.rows[0].number_height >= 0.07 * side
    assert QFontMetricsF(Theme(ThemeMode.LIGHT).font(side * LEAST)).capHeight() >= 0.03 * side - 0.5
    parts: list[QWidget] = [window.call_panel, *(row for row in window.rows if row.isVisible())]
    assert len(parts) == (9 if size[1] > size[0] else 5)
    for first, second in pairwise(parts):
        assert not first.geometry().intersects(second.geometry())
        assert window.rect().contains(first.geometry())
    wall.window.close()


@pytest.mark.parametrize("size", [(1, 1), (200, 100), (100, 200), (1920, 300)])
def test_a_window_of_any_size_can_be_drawn(qtbot: QtBot, size: tuple[int, int]) -> None:
    wall = Wall(size)
    wall.open()
    wall.call("A012")
    wall.window.grab()
    wall.window.close()


def test_full_screen_takes_the_screen(qtbot: QtBot) -> None:
    bridge = ScriptedBridge()
    theme = Theme(ThemeMode.LIGHT)
    window = MonitorWindow(bridge, theme=theme, announcer=Announcer(player=()))  # type: ignore[arg-type]
    window.open()
    qtbot.waitUntil(lambda: window.size() == window.screen().size())
    window.close()


def test_unchanged_parts_are_not_painted_again(qtbot: QtBot) -> None:
    wall = Wall(reduce_motion=True)
    wall.open()
    wall.call("A012")
    counter = PaintCounter()
    for part in (wall.window.header, wall.window.call_panel, wall.window.rows[0], wall.window.next_bar):
        part.installEventFilter(counter)
    qtbot.waitUntil(lambda: len(set(counter.painted)) == 4)
    counter.painted.clear()
    wall.bridge.snapshot("A", recent=(wall.called("A012", "R3", 0),), waiting=(ticket("A020", position=1),))
    wall.window.refresh()
    qtbot.waitUntil(lambda: counter.painted == ["NextBar"])
    wall.window.close()


class PaintCounter(QObject):
    """Records the class names of the painted parts."""

    def __init__(self) -> None:
        super().__init__()
        self.painted: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.painted.append(type(watched).__name__)
        return False
