"""A person signs in, chooses a counter and works through the line by keys, on a real hub."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt

from admin_app.console_flow import Action, ConsolePage
from admin_app.counter.counter_guard import UNDO_SECONDS
from core.qt.queue_model import Column
from server.administration import people_and_devices
from tests.support.clinic import Clinic
from tests.support.console_driver import console, join
from tests.support.hub_process import HubProcess
from tests.support.waiting import until


async def test_a_wrong_password_is_refused_in_words(hub: HubProcess, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as person:
        page = person.window.sign_in_page
        person.type_in("staff", "wrong")
        await until(lambda: "don't match" in page.notice.text(), what="the refusal")
        assert page.password.text() == ""
        assert page.button.isEnabled()
        await person.sign_in()
        assert person.window.page is ConsolePage.COUNTER
        await until(lambda: person.window.counter_page.cards["R1"].hasFocus(), what="the keyboard's place")


async def test_without_a_hub_signing_in_says_so(hub: HubProcess, tmp_path: Path) -> None:
    hub.kill()

    async with console(hub.url, tmp_path) as person:
        person.type_in("staff", "whatever")
        notice = person.window.sign_in_page.notice
        await until(lambda: "can't be reached" in notice.text(), what="the refusal")


async def test_the_counter_is_chosen_once_and_remembered(hub: HubProcess, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R2")
        assert person.window.rail.calls.isChecked()
    async with console(hub.url, tmp_path) as person:
        await person.sign_in()
        await until(lambda: person.window.page is ConsolePage.CALLS, what="the remembered counter")
        assert person.window.desk.state.counter is not None
        assert person.window.desk.state.counter.code == "R2"


async def test_a_day_at_the_counter_by_keys(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    await join(hub.url, clinic.kiosk, ("A", "medium"), ("A", "medium"), ("B", "medium"))
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        await until(lambda: "Next is A001" in person.label("hint"))
        person.press(Qt.Key.Key_F2)
        await person.sees("A001")
        person.press(Qt.Key.Key_F3)
        await until(lambda: person.notice() == "A001 is called again.", what="the recall")
        await until(person.idle)
        person.let_pass()
        person.press(Qt.Key.Key_F2)
        await person.sees("A002")
        assert person.notice() == "A001 completed, A002 called."
        for key, number in ((Qt.Key.Key_F7, None), (Qt.Key.Key_F2, "B001"), (Qt.Key.Key_F6, None)):
            person.let_pass()
            person.press(key)
            await person.sees(number)
        person.let_pass(UNDO_SECONDS)
        person.press(Qt.Key.Key_F2)
        await until(lambda: person.notice() == "Nobody is waiting.", what="the empty line")
        await until(lambda: [ticket.number for ticket in person.window.desk.missed] == ["A002"])
    assert clinic.rows("SELECT number, status, calls FROM tickets ORDER BY number") == [
        ("A001", "completed", 2),
        ("A002", "no_show", 1),
        ("B001", "completed", 1),
    ]


async def test_a_double_press_calls_one_patient(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    await join(hub.url, clinic.kiosk, ("A", "medium"), ("A", "medium"))
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        person.press(Qt.Key.Key_F2)
        person.press(Qt.Key.Key_F2)
        await person.sees("A001")
    assert clinic.rows("SELECT number FROM tickets WHERE status = 'waiting'") == [("A002",)]


async def test_a_pause_and_back(hub: HubProcess, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        person.press(Qt.Key.Key_F10)
        await until(lambda: person.idle() and person.state() == "Pausing", what="the pause")
        buttons = person.window.calls_page.calls.buttons
        assert not buttons[Action.CALL_NEXT].isEnabled()
        assert buttons[Action.PAUSE].text() == "Open"
        person.press(Qt.Key.Key_F10)
        await until(lambda: person.idle() and person.state() == "Open", what="the end of the pause")


async def test_a_counter_held_by_another_person_is_not_offered(hub: HubProcess, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as first, console(hub.url, tmp_path / "other") as second:
        await first.work_at("R1", "supervisor")
        await second.sign_in("staff")
        cards = second.window.counter_page.cards
        await until(lambda: cards["R2"].isEnabled(), what="a counter to choose")
        await until(lambda: "supervisor is here" in cards["R1"].accessibleName(), what="the holder of R1")
        assert not cards["R1"].isEnabled()


async def test_signing_out_gives_the_counter_back(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        person.window.rail.sign_out.click()
        await until(lambda: person.window.page is ConsolePage.SIGN_IN, what="the sign-in page")
        assert person.window.sign_in_page.password.text() == ""
    assert clinic.rows("SELECT held_by FROM counters WHERE code = 'R1'") == [(None,)]


async def test_a_disabled_account_is_signed_out(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        engine = clinic.engine()
        people_and_devices.disable_user(engine, "staff")
        engine.dispose()
        await until(lambda: person.window.page is ConsolePage.SIGN_IN, what="the sign-in page")
        assert "signed out" in person.window.sign_in_page.notice.text()


async def test_columns_are_remembered(hub: HubProcess, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        person.window.calls_page.line.table.setColumnWidth(Column.SERVICE, 333)
    async with console(hub.url, tmp_path) as person:
        await person.sign_in()
        table = person.window.calls_page.line.table
        wide, narrow = (table.columnWidth(column) for column in (Column.SERVICE, Column.PATIENT))
        assert wide > 2 * narrow


async def test_a_ticket_for_a_patient_who_cannot_use_the_kiosk(
    hub: HubProcess, clinic: Clinic, tmp_path: Path
) -> None:
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        issue = person.window.calls_page.line.issue
        issue.toggle()
        issue.priority.setCurrentIndex(0)
        issue.name.setText("Amal Haddad")
        person.press(Qt.Key.Key_Return, issue.name)
        await until(lambda: issue.notice.text().startswith("A001 is issued"), what="the ticket")
        line = person.window.desk.line
        await until(lambda: line.rowCount() == 1, what="the ticket in the line")
        cells = [line.data(line.index(0, column)) for column in (Column.NUMBER, Column.PATIENT)]
        assert cells == ["A001", "Amal Haddad"]
    assert clinic.rows("SELECT priority FROM tickets") == [("high",)]


async def test_an_action_outlives_the_hub(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    await join(hub.url, clinic.kiosk, ("A", "medium"))
    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        await until(lambda: person.window.desk.waiting, what="the line")
        hub.freeze()
        person.press(Qt.Key.Key_F2)
        hub.kill()
        await until(lambda: "your last action" in person.label("hint"), what="the hint")
        assert person.label("connection").startswith("Hub lost since")
        assert person.window.calls_page.line.lost.isVisible()
        hub.restart()
        await person.sees("A001")
        lost = person.window.calls_page.line.lost
        await until(lambda: not lost.isVisible(), what="the console to be live")
    assert clinic.rows("SELECT number, calls FROM tickets") == [("A001", 1)]
