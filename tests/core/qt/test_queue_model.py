"""LineModel: its rows are the lines in calling order, and its signals name only the changed rows."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from core.line.line_store import Line, LineStore
from core.line.tickets import ServiceSummary, Ticket
from core.qt.queue_model import TICKET_ROLE, WAITED_ROLE, Column, LineModel
from tests.support.builders import make_service
from tests.support.reference_line import START, ReferenceLine, ticket_in_line


class Lines(QObject):
    """The part of a bridge that the model reads, fed by the test."""

    line_changed = Signal(str)
    services_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.store = LineStore()
        self.services: tuple[ServiceSummary, ...] = (
            make_service(),
            make_service("B", "Blood tests"),
        )

    def line(self, service: str) -> Line:
        return self.store.line(service)

    def show(self, *tickets: Ticket, service: str = "A") -> None:
        """Replaces a service's line by these tickets."""
        snapshot = ReferenceLine(revision=self.line(service).revision + 1).snapshot()
        waiting = tuple(
            msgspec.structs.replace(ticket, service=service, position=place)
            for place, ticket in enumerate(tickets, 1)
        )
        self.store.apply_snapshot(msgspec.structs.replace(snapshot, service=service, waiting=waiting))
        self.line_changed.emit(service)

    def now(self) -> datetime:
        return START + timedelta(minutes=12)


@pytest.fixture
def lines(qapp: QApplication) -> Lines:
    return Lines()


def make_model(lines: Any, *services: str, **options: Any) -> LineModel:
    return LineModel(lines, services or ("A",), **options)


def texts(model: LineModel, column: Column = Column.NUMBER) -> list[str]:
    return [model.data(model.index(row, column)) for row in range(model.rowCount())]


def test_a_row_shows_place_number_patient_service_priority_and_wait(lines: Lines) -> None:
    lines.show(ticket_in_line(1, patient_name="Amal Haddad", priority="high"), ticket_in_line(2))
    model = make_model(lines)
    assert [model.data(model.index(0, column)) for column in Column] == [
        "1",
        "A001",
        "Amal Haddad",
        "See a doctor",
        "High",
        "11 min",
    ]
    assert model.data(model.index(1, Column.PATIENT)) == ""
    assert model.data(model.index(0, 0), TICKET_ROLE).id == "ticket-1"
    assert model.data(model.index(0, 0), WAITED_ROLE) == 719
    assert model.data(model.index(0, 0), Qt.ItemDataRole.DecorationRole) is None
    headings = [model.headerData(column, Qt.Orientation.Horizontal) for column in Column]
    assert headings == ["Place", "Number", "Patient", "Service", "Priority", "Waiting"]


def test_several_lines_are_merged_as_they_will_be_called(lines: Lines) -> None:
    by_hand_first = ticket_in_line(9)
    lines.show(by_hand_first, ticket_in_line(1), ticket_in_line(5, priority="low"))
    lines.show(ticket_in_line(4, priority="high"), ticket_in_line(3), service="B")
    model = make_model(lines, "A", "B")
    assert texts(model) == ["A004", "A003", "A009", "A001", "A005"]
    assert texts(model, Column.PLACE) == ["1", "2", "1", "2", "3"]


def test_a_change_is_shown_once_the_loop_turns(lines: Lines, qtbot: Any) -> None:
    model = make_model(lines)
    lines.show(ticket_in_line(1))
    assert model.rowCount() == 0
    qtbot.waitUntil(lambda: model.rowCount() == 1)
    lines.show(ticket_in_line(2), service="B")
    model.set_services(["B"])
    assert texts(model) == ["A002"]
    assert model.services == ("B",)


def test_a_call_removes_one_row_and_changes_the_places_behind(lines: Lines) -> None:
    tickets = [ticket_in_line(number) for number in range(1, 6)]
    lines.show(*tickets)
    model = make_model(lines)
    signals: list[tuple[Any, ...]] = []
    model.rowsRemoved.connect(lambda _parent, first, last: signals.append(("removed", first, last)))
    model.rowsInserted.connect(lambda _parent, first, last: signals.append(("inserted", first, last)))
    model.dataChanged.connect(lambda top, bottom: signals.append(("changed", top.row(), bottom.row())))
    lines.show(*tickets[1:], ticket_in_line(6))
    model.refresh()
    assert signals == [("removed", 0, 0), ("inserted", 4, 4), ("changed", 0, 3)]
    signals.clear()
    model.refresh()
    assert signals == []


def test_a_very_long_line_is_cut_and_counts_the_hidden_rows(lines: Lines) -> None:
    lines.show(*(ticket_in_line(number) for number in range(1, 31)))
    model = make_model(lines, limit=10)
    assert model.rowCount() == 10
    assert model.hidden_count == 20


def test_a_ticket_is_found_by_its_id(lines: Lines) -> None:
    lines.show(ticket_in_line(1), ticket_in_line(2))
    model = make_model(lines)
    assert model.row_of("ticket-2") == 1
    assert model.ticket(1).id == "ticket-2"
    assert model.row_of("nobody") is None


def test_a_renamed_service_is_renamed_in_the_rows(lines: Lines) -> None:
    lines.show(ticket_in_line(1))
    model = make_model(lines)
    lines.services = (make_service(name="Doctor"),)
    lines.services_changed.emit()
    assert texts(model, Column.SERVICE) == ["Doctor"]


LINE = st.lists(st.integers(1, 12), unique=True, max_size=12)


@given(st.lists(LINE, min_size=2, max_size=6))
@settings(max_examples=80, deadline=None)
def test_the_table_equals_the_line_after_every_change(qapp: QApplication, orders: list[list[int]]) -> None:
    lines = Lines()
    model = make_model(lines)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    mirror: list[str] = []
    model.rowsRemoved.connect(lambda _parent, first, last: mirror.__delitem__(slice(first, last + 1)))
    model.rowsInserted.connect(
        lambda _parent, first, last: mirror.__setitem__(slice(first, first), texts(model)[first : last + 1])
    )
    for order in orders:
        lines.show(*(ticket_in_line(number) for number in order))
        model.refresh()
        wanted = [f"A{number:03d}" for number in order]
        assert texts(model) == wanted
        assert mirror == wanted
        assert texts(model, Column.PLACE) == [str(place) for place in range(1, len(order) + 1)]
    del tester
