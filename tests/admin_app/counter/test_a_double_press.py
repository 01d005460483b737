"""A second press at the counter, by keys and clicks on real windows with a real hub: no patient is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from admin_app.console_flow import Action
from admin_app.counter.counter_guard import GUARD_SECONDS, UNDO_SECONDS
from core.client.hub_client import HubClient
from core.line.tickets import Priority
from tests.support.clinic import Clinic
from tests.support.console_driver import Driver, console, join
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

THREE: tuple[tuple[str, Priority], ...] = (("A", "medium"),) * 3


def statuses(clinic: Clinic) -> dict[str, str]:
    return dict(clinic.rows("SELECT number, status FROM tickets"))


async def has_called(person: Driver, number: str) -> None:
    """The person calls the next patient, and the guard's time passes."""
    person.press(Qt.Key.Key_F2)
    await person.sees(number)
    person.let_pass()


@pytest.mark.parametrize("key", [Qt.Key.Key_F2, Qt.Key.Key_F6, Qt.Key.Key_F7])
async def test_a_press_130_ms_later_loses_no_patient(
    hub: HubProcess, clinic: Clinic, tmp_path: Path, key: Qt.Key
) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        await has_called(person, "A001")
        person.press(Qt.Key.Key_F2)
        await person.sees("A002")
        person.let_pass(0.13)
        person.press(key)
        assert person.idle()
        person.let_pass(GUARD_SECONDS - 0.14)
        person.press(key)
        assert person.idle()
    assert statuses(clinic) == {"A001": "completed", "A002": "consulting", "A003": "waiting"}


async def test_after_the_guards_time_the_buttons_are_on_again(
    hub: HubProcess, clinic: Clinic, tmp_path: Path
) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        person.press(Qt.Key.Key_F2)
        await person.sees("A001")
        buttons = person.window.calls_page.calls.buttons
        assert [action for action, button in buttons.items() if button.isEnabled()] == [
            Action.RECALL,
            Action.PAUSE,
        ]
        person.let_pass()
        assert all(button.isEnabled() for button in buttons.values())
        await has_called(person, "A002")


async def test_two_clicks_on_the_large_button_call_one_patient(
    hub: HubProcess, clinic: Clinic, tmp_path: Path
) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        button = person.window.calls_page.calls.buttons[Action.CALL_NEXT]
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        await person.sees("A001")
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert person.idle()
    assert statuses(clinic) == {"A001": "consulting", "A002": "waiting", "A003": "waiting"}


async def test_one_account_at_two_consoles_400_ms_apart(
    hub: HubProcess, clinic: Clinic, tmp_path: Path
) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as first, console(hub.url, tmp_path / "other") as second:
        for person in (first, second):
            await person.work_at("R1")
        await has_called(first, "A001")
        await second.sees("A001")
        second.let_pass()
        first.press(Qt.Key.Key_F2)
        await second.sees("A002")
        second.let_pass(0.4)
        second.press(Qt.Key.Key_F2)
        assert second.idle()
    assert statuses(clinic) == {"A001": "completed", "A002": "consulting", "A003": "waiting"}


async def test_a_key_that_is_held_down_counts_once(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        await until(lambda: person.window.desk.waiting, what="the line")
        button = person.window.calls_page.calls.buttons[Action.CALL_NEXT]
        for key in (Qt.Key.Key_F2, Qt.Key.Key_Return, Qt.Key.Key_Space):
            button.setFocus()
            repeated = QKeyEvent(
                QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, "", autorep=True, count=1
            )
            QApplication.sendEvent(button, repeated)
            assert person.idle()
        person.press(Qt.Key.Key_Return, button)
        await person.sees("A001")


async def test_a_second_enter_at_the_counter_completes_no_patient(
    hub: HubProcess, clinic: Clinic, tmp_path: Path
) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        await has_called(person, "A001")
    async with console(hub.url, tmp_path) as person:
        await person.sign_in()
        await person.sees("A001")
        person.press(Qt.Key.Key_Return)
        assert person.idle()
    assert statuses(clinic)["A001"] == "consulting"


async def test_ctrl_z_takes_the_call_back(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        await has_called(person, "A001")
        await has_called(person, "A002")
        assert person.notice() == "A001 completed, A002 called."
        QTest.keyClick(person.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        await person.sees("A001")
        assert person.notice() == "A002 waits again, A001 is with you again."
        assert not person.window.calls_page.calls.undo.isVisible()
    assert statuses(clinic) == {"A001": "consulting", "A002": "waiting", "A003": "waiting"}


@pytest.mark.parametrize(
    ("key", "said"), [(Qt.Key.Key_F6, "A001 is completed."), (Qt.Key.Key_F7, "A001 is marked as no-show.")]
)
async def test_the_bar_takes_the_end_of_a_consultation_back(
    hub: HubProcess, clinic: Clinic, tmp_path: Path, key: Qt.Key, said: str
) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        await has_called(person, "A001")
        person.press(key)
        await person.sees(None)
        assert person.notice() == said
        person.window.calls_page.calls.undo.click()
        await person.sees("A001")
        assert person.notice() == "A001 is with you again."


async def test_taking_back_is_offered_for_ten_seconds(
    hub: HubProcess, clinic: Clinic, tmp_path: Path
) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        person.press(Qt.Key.Key_F2)
        await person.sees("A001")
        undo = person.window.calls_page.calls.undo
        person.let_pass(UNDO_SECONDS - 0.1)
        assert undo.isVisible()
        person.let_pass(0.1)
        assert not undo.isVisible()
        undo.click()
        assert person.idle()


async def test_what_happened_since_is_said_when_it_cannot_be_taken_back(
    hub: HubProcess, clinic: Clinic, tmp_path: Path
) -> None:
    await join(hub.url, clinic.kiosk, *THREE)
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        await has_called(person, "A001")
        current = person.window.desk.state.current
        assert current is not None
        async with HubClient(hub.url, clinic.supervisor) as supervisor:
            await supervisor.recall(current.id)
        person.window.calls_page.calls.undo.click()
        await until(lambda: "since" in person.notice(), what="the refusal")
    assert statuses(clinic)["A001"] == "consulting"
