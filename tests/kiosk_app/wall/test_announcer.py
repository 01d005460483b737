"""Announcer: calls chime in order and none is lost, old calls are silent, failures are kept in `trouble`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from kiosk_app.wall.announcer import TOO_OLD, Announcement, Announcer
from tests.support.waiting import WAIT_MILLISECONDS

PLAYER = "import sys; f = open(sys.argv[1], 'a'); f.write('begin '); f.flush(); f.write('end\\n')"


NEW = timedelta(seconds=1)


def call(number: str = "A012") -> Announcement:
    return Announcement(number, "Counter 3")


def test_twenty_calls_at_once_are_twenty_announcements_in_order(qtbot: QtBot, tmp_path: Path) -> None:
    played = tmp_path / "played"
    announcer = Announcer(player=(sys.executable, "-S", "-E", "-c", PLAYER, str(played)))
    story: list[str] = []
    announcer.started.connect(lambda each: story.append(f"+{each.number}"))
    announcer.finished.connect(lambda each: story.append(f"-{each.number}"))
    numbers = [f"A{number:03}" for number in range(20)]
    for number in numbers:
        assert announcer.announce(call(number), NEW)
    qtbot.waitUntil(lambda: len(story) == 40, timeout=WAIT_MILLISECONDS)
    assert story == [step for number in numbers for step in (f"+{number}", f"-{number}")]
    assert played.read_text() == "begin end\n" * 20
    assert announcer.trouble == ""


def test_a_call_older_than_a_minute_is_not_chimed(qtbot: QtBot) -> None:
    announcer = Announcer(player=())
    assert not announcer.announce(call(), TOO_OLD + NEW)
    assert announcer.waiting == 0


def test_without_a_player_calls_are_silent_and_trouble_says_so(qtbot: QtBot) -> None:
    announcer = Announcer(player=())
    assert "no chime" in announcer.trouble
    with qtbot.waitSignal(announcer.finished):
        announcer.announce(call(), NEW)


@pytest.mark.logs_expected
@pytest.mark.parametrize("player", [("/no/such/player",), (sys.executable, "-c", "raise SystemExit(3)")])
def test_a_failing_player_is_reported_and_the_next_call_is_announced(
    qtbot: QtBot, player: tuple[str, ...]
) -> None:
    announcer = Announcer(player=player)
    ended: list[object] = []
    announcer.finished.connect(ended.append)
    announcer.announce(call("A001"), NEW)
    announcer.announce(call("A002"), NEW)
    qtbot.waitUntil(lambda: len(ended) == 2, timeout=WAIT_MILLISECONDS)
    assert "could not be played" in announcer.trouble


def test_stopping_ends_the_player_and_drops_the_waiting_calls(qtbot: QtBot) -> None:
    announcer = Announcer(player=(sys.executable, "-c", "import threading; threading.Event().wait()"))
    announcer.announce(call("A001"), NEW)
    announcer.announce(call("A002"), NEW)
    assert announcer.waiting == 1
    announcer.stop()
    assert announcer.waiting == 0
