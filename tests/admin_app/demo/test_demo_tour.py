"""A tour that fails ends with a sentence that names the step; pictures are numbered and replaced."""

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

CLOSED_PORT = "ws://127.0.0.1:9/ws"


@pytest.fixture
def stage(qtbot: QtBot, tmp_path: Path, loop: object) -> Stage:
    """A stage of empty windows, with clients that reach no hub."""
    windows = [QWidget(), QWidget(), QWidget()]
    for window, title in zip(windows, ("InTurn kiosk", "InTurn monitor", "InTurn console"), strict=True):
        window.setWindowTitle(title)
        qtbot.addWidget(window)
    people = [HubClient(CLOSED_PORT, PersonCredentials("R. Meyer", "unknown")) for _ in range(2)]
    return Stage(
        windows[0], windows[1], windows[2], DemoHub(tmp_path), people[0], people[1], "R. Meyer", "unknown"
    )


async def test_a_failed_tour_names_the_step_and_the_missing_words(
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(demo_story, "LONGEST_WAIT", 0.1)
    assert (await demo_tour.tour(stage, Album(tmp_path / "pictures"))) == 1
    assert capsys.readouterr().out == (
        "The tour failed at step 1, “Patients see who is ahead”: "
        "InTurn kiosk does not say “See a doctor. 7 people ahead” (waited 0.1 s).\n"
    )


@pytest.mark.logs_expected
async def test_a_logged_fault_fails_the_tour(
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


def test_pictures_are_numbered_and_replace_older_pictures(stage: Stage, tmp_path: Path) -> None:
    label = QLabel("A012", stage.monitor)
    stage.monitor.resize(1920, 1080)
    (tmp_path / "07-old.png").touch()
    album = Album(tmp_path)
    names = [album.take("monitor", stage.monitor, "called").name for _ in range(2)]
    assert names == ["01-monitor-called.png", "02-monitor-called.png"]
    assert not (tmp_path / "07-old.png").exists()
    assert label.text() == "A012"
