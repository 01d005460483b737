"""A person who signs in a second time is told where, and chooses."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt

from admin_app.console_flow import ConsolePage
from tests.support.clinic import Clinic
from tests.support.console_driver import console
from tests.support.hub_process import HubProcess
from tests.support.waiting import until


async def test_a_person_is_told_and_goes_on(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as first, console(hub.url, tmp_path) as second:
        await first.work_at("R1")
        await second.sign_in()
        page = second.window.elsewhere_page
        assert second.window.page is ConsolePage.ELSEWHERE
        await until(lambda: page.places.text().startswith("Counter 1, since "), what="the place")
        second.press(Qt.Key.Key_Return)
        assert second.window.page is ConsolePage.ELSEWHERE
        page.go_on.click()
        await until(lambda: second.window.page is ConsolePage.CALLS, what="the remembered counter")


async def test_a_person_is_told_and_leaves(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as first, console(hub.url, tmp_path) as second:
        await first.work_at("R1")
        await second.sign_in()
        second.window.elsewhere_page.leave_here.click()
        await until(lambda: second.window.page is ConsolePage.SIGN_IN, what="the sign-in page")
        assert first.state() == "Open"
    assert clinic.rows("SELECT held_by IS NULL FROM counters WHERE code = 'R1'") == [(False,)]


async def test_a_reconnection_does_not_ask(hub: HubProcess, clinic: Clinic, tmp_path: Path) -> None:
    async with console(hub.url, tmp_path) as first, console(hub.url, tmp_path) as second:
        await first.work_at("R1")
        await second.sign_in()
        second.window.elsewhere_page.go_on.click()
        hub.kill()
        await until(lambda: second.window.desk.state.link == "lost", what="the loss")
        hub.restart()
        await until(lambda: second.window.desk.state.link == first.window.desk.state.link == "live")
        assert second.window.page is ConsolePage.CALLS
