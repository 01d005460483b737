"""A person whose password was reset chooses another one on the sign-in page."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from admin_app.console_flow import ConsolePage
from server.administration import people_and_devices
from tests.support.clinic import Clinic
from tests.support.clinic_clock import change
from tests.support.console_driver import console
from tests.support.hub_process import HubProcess
from tests.support.waiting import until


async def test_a_new_password_is_asked_for_and_signs_in(
    hub: HubProcess, clinic: Clinic, tmp_path: Path
) -> None:
    change(clinic, people_and_devices.set_password, "staff", "known to two")
    async with console(hub.url, tmp_path) as person:
        page = person.window.sign_in_page
        assert not page.new_password.isVisible()
        person.type_in("staff", "known to two")
        await until(page.new_password.isVisible, what="the field for a new password")
        assert "Another person set this password." in page.notice.text()
        QTest.keyClicks(page.password, "known to two")
        QTest.keyClicks(page.new_password, "my own horse")
        person.press(Qt.Key.Key_Return, page.new_password)
        await until(lambda: person.window.page is not ConsolePage.SIGN_IN, what="signing in")
        assert page.new_password.text() == ""
    async with console(hub.url, tmp_path) as person:
        person.type_in("staff", "my own horse")
        await until(lambda: person.window.page is not ConsolePage.SIGN_IN, what="signing in again")
