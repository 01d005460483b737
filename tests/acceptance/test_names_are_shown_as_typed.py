"""A counter, a service and a patient whose names look like HTML are shown as typed in every window."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QLabel, QWidget

from admin_app.console_flow import ConsolePage
from core.qt.look.plain_text import EmphasisLabel
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until
from tests.support.waiting_room import WaitingRoom, waiting_room

ROOM, SERVICE, PATIENT = "Room <b>12</b>", "<i>Ear</i> & nose", '<img src="x.png"> Amal'


def name_everything(clinic: Clinic) -> None:
    """The names, and a patient in each list of the console."""
    clinic.rows(f"UPDATE counters SET name = '{ROOM}', names = '{{}}' WHERE code = 'R1' RETURNING 1")
    clinic.rows(f"UPDATE services SET name = '{SERVICE}', names = '{{}}' WHERE code = 'A' RETURNING 1")
    clinic.rows(f"UPDATE users SET display_name = '{PATIENT}' WHERE username = 'supervisor' RETURNING 1")
    for number in range(4):
        clinic.rows(f"SELECT join_queue('user:1', 'j{number}', '', 'A', p_patient_name => '{PATIENT}')")
    clinic.rows("UPDATE settings SET config_revision = config_revision + 1 RETURNING 1")


def drawn(label: QLabel) -> str:
    """The words that a label draws."""
    if label.textFormat() is Qt.TextFormat.PlainText:
        return label.text()
    document = QTextDocument()
    document.setHtml(label.text())
    return document.toPlainText()


def check(window: QWidget) -> None:
    """Every label of the window, visible or not, draws what was typed; no tooltip is drawn as something else."""
    for widget in (window, *window.findChildren(QWidget)):
        if isinstance(widget, QLabel):
            assert widget.textFormat() is not Qt.TextFormat.AutoText, widget
            assert drawn(widget) == (
                widget.typed() if isinstance(widget, EmphasisLabel) else widget.text()
            ), widget
        assert "<b>" not in widget.toolTip(), widget
        assert "<img" not in widget.toolTip(), widget


async def has_called(room: WaitingRoom, number: str) -> None:
    room.staff.press(Qt.Key.Key_F2)
    await room.staff.sees(number)
    room.staff.let_pass()


async def test_names_that_look_like_html(clinic: Clinic, hub: HubProcess, tmp_path: Path) -> None:
    name_everything(clinic)
    async with waiting_room(clinic, hub.url, tmp_path) as room:
        window = room.staff.window
        await until(lambda: room.says(window, f"1 A001 {PATIENT} {SERVICE}"), what="the line")
        await until(lambda: room.says(window, ROOM), what="the counter")
        await until(lambda: room.says(room.kiosk, SERVICE), what="the card")
        await has_called(room, "A001")
        await until(lambda: room.says(room.monitor, ROOM), what="the call")
        room.staff.press(Qt.Key.Key_F7)
        await room.staff.sees(None)
        room.staff.let_pass()
        await has_called(room, "A002")
        assert room.says(window, PATIENT)
        window.rail.counters.click()
        assert window.page is ConsolePage.COUNTER
        window.desk.message_posted.emit(f"{PATIENT} is at {ROOM} now.", "attention")
        for each in room.windows:
            each.grab()
            check(each)


async def test_a_cell_of_the_table_has_no_tooltip_of_html(
    clinic: Clinic, hub: HubProcess, tmp_path: Path
) -> None:
    name_everything(clinic)
    async with waiting_room(clinic, hub.url, tmp_path) as room:
        await until(lambda: room.says(room.staff.window, f"1 A001 {PATIENT}"), what="the line")
        model = room.staff.window.desk.line
        shown = [
            model.data(model.index(0, column), int(Qt.ItemDataRole.ToolTipRole))
            for column in range(model.columnCount())
        ]
        assert not any(shown)
