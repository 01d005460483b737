"""A tour that does not see what it should ends with one sentence and leaves the pictures it has."""

import logging
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from admin_app.demo import demo_story, demo_tour
from admin_app.demo.demo_hub import DemoHub
from admin_app.demo.demo_pictures import Album
from admin_app.demo.demo_stage import Stage
from admin_app.demo.demo_story import Story
from core.client.hub_client import HubClient
from core.wire.session import PersonCredentials

NOBODY = "ws://127.0.0.1:9/ws"


@pytest.fixture
def stage(qtbot: QtBot, tmp_path: Path, loop: object) -> Stage:
    """Windows that say nothing, and people who reach nobody."""
    windows = [QWidget(), QWidget(), QWidget()]
    for window, title in zip(windows, ("InTurn kiosk", "InTurn monitor", "InTurn console"), strict=True):
        window.setWindowTitle(title)
        qtbot.addWidget(window)
    people = [HubClient(NOBODY, PersonCredentials("R. Meyer", "unknown")) for _ in range(2)]
    return Stage(
        windows[0], windows[1], windows[2], DemoHub(tmp_path), people[0], people[1], "R. Meyer", "unknown"
    )


async def test_it_names_the_step_and_what_was_not_seen(
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(demo_story, "SOON", 0.1)
    assert (await demo_tour.tour(stage, Album(tmp_path / "pictures"))) == 1
    assert capsys.readouterr().out == (
        "The tour failed at step 1, “Patients see who is ahead”: "
        "InTurn kiosk does not say “See a doctor. 4 people ahead” (waited 0.1 s).\n"
    )


@pytest.mark.logs_expected
async def test_a_window_that_logs_a_fault_is_not_right(
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def faulty(story: Story) -> str:
        logging.getLogger("core.qt.app").critical("A fault of this program:")
        return "all is well"

    monkeypatch.setattr(Story, "STEPS", (("A patient does something", faulty),))
    assert (await demo_tour.tour(stage, Album(tmp_path / "pictures"))) == 1
    assert "a fault was logged: A fault of this program:" in capsys.readouterr().out


def test_pictures_are_numbered_small_and_replace_former_ones(stage: Stage, tmp_path: Path) -> None:
    label = QLabel("A012", stage.monitor)
    stage.monitor.resize(1920, 1080)
    (tmp_path / "07-old.png").touch()
    album = Album(tmp_path)
    names = [album.take("monitor", stage.monitor, "called").name for _ in range(2)]
    assert names == ["01-monitor-called.png", "02-monitor-called.png"]
    assert not (tmp_path / "07-old.png").exists()
    assert label.text() == "A012"
