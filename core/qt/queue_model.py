"""Table model of the waiting tickets of one or several services, updated row by row, at most once a frame."""

from __future__ import annotations

import enum
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer

from core import wording
from core.line.queue_rules import calling_order
from core.line.tickets import Ticket
from core.qt.hub_bridge import HubBridge

Index = QModelIndex | QPersistentModelIndex

TICKET_ROLE = int(Qt.ItemDataRole.UserRole)
"""The row's `Ticket`."""
WAITED_ROLE = TICKET_ROLE + 1
"""Time since the patient joined, in seconds."""

CLOCK_MILLISECONDS = 10_000


class Column(enum.IntEnum):
    """The table's columns."""

    PLACE = 0
    NUMBER = 1
    PATIENT = 2
    SERVICE = 3
    PRIORITY = 4
    WAITED = 5


_TEXT = int(Qt.ItemDataRole.DisplayRole)
_WAITED = int(Column.WAITED)
HEADINGS = ("Place", "Number", "Patient", "Service", "Priority", "Waiting")


class _Row(NamedTuple):
    ticket: Ticket
    place: int


class LineModel(QAbstractTableModel):
    """The waiting tickets in the order in which a counter calls them.

    The lines of several services are merged by `calling_order`. The model has at most `limit` rows; `hidden_count` is
    the number of waiting tickets behind them.
    """

    def __init__(
        self,
        bridge: HubBridge,
        services: Sequence[str] = (),
        parent: QObject | None = None,
        *,
        limit: int = 500,
        frame_milliseconds: int = 0,
    ) -> None:
        """`frame_milliseconds`: how long changes are collected, so that a view repaints less often."""
        super().__init__(parent)
        self._bridge = bridge
        self._services = tuple(services)
        self._in_order = False
        self._limit = limit
        self._rows: list[_Row] = []
        self._names: dict[str, str] = {}
        self._refresh_timer = QTimer(self, singleShot=True, interval=frame_milliseconds)
        self._refresh_timer.timeout.connect(self.refresh)
        self._clock = QTimer(self, interval=CLOCK_MILLISECONDS)
        self._clock.timeout.connect(self._refresh_waits)
        self._clock.start()
        bridge.line_changed.connect(self._line_changed)
        bridge.services_changed.connect(self._services_changed)
        self._services_changed()
        self.refresh()

    @property
    def services(self) -> tuple[str, ...]:
        """Codes of the services shown."""
        return self._services

    @property
    def in_order(self) -> bool:
        """Whether the order of `services` comes before the time of joining."""
        return self._in_order

    def set_services(self, services: Sequence[str], *, in_order: bool = False) -> None:
        """Shows the lines of other services, merged by the rule of a counter that serves them."""
        self._services, self._in_order = tuple(services), in_order
        self.refresh()

    @property
    def hidden_count(self) -> int:
        """Number of waiting tickets behind the last row."""
        return sum(self._bridge.line(code).waiting_count for code in self._services) - len(self._rows)

    def ticket(self, row: int) -> Ticket:
        """The ticket in a row."""
        return self._rows[row].ticket

    def row_of(self, ticket_id: str) -> int | None:
        """Returns the row of a ticket; None when it has none."""
        return next((at for at, row in enumerate(self._rows) if row.ticket.id == ticket_id), None)

    def rowCount(self, parent: Index | None = None) -> int:  # Qt's name
        """Number of rows; a row has no children."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:  # Qt's name
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return HEADINGS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Returns the text of a cell, the row's ticket (TICKET_ROLE) or its wait in seconds (WAITED_ROLE)."""
        # A view asks for eight roles of every visible cell at each repaint: an unknown role returns first, and roles
        # are compared as plain ints.
        if role == _TEXT:
            return self._text(self._rows[index.row()], index.column())
        if role < TICKET_ROLE:
            return None
        ticket = self._rows[index.row()].ticket
        return ticket if role == TICKET_ROLE else self._waited(ticket) if role == WAITED_ROLE else None

    def refresh(self) -> None:
        """Updates the rows to the present lines, with signals to views for changed rows only."""
        rows = list(islice(self._merged(), self._limit))
        self._remove_rows_except(_rows_that_stay(self._rows, rows))
        self._insert_missing(rows)
        changed = [at for at, (old, new) in enumerate(zip(self._rows, rows, strict=True)) if old != new]
        self._rows = rows
        for first, last in _runs(changed):
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(Column) - 1))

    def _merged(self) -> Iterator[_Row]:
        lines = [self._bridge.line(code).first(self._limit) for code in self._services]
        return (_Row(ticket, ticket.position or 0) for ticket in calling_order(lines, self._in_order))

    def _remove_rows_except(self, kept: set[str]) -> None:
        gone = [at for at, row in enumerate(self._rows) if row.ticket.id not in kept]
        for first, last in reversed(list(_runs(gone))):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._rows[first : last + 1]
            self.endRemoveRows()

    def _insert_missing(self, rows: list[_Row]) -> None:
        held = {row.ticket.id for row in self._rows}
        new = [at for at, row in enumerate(rows) if row.ticket.id not in held]
        for first, last in _runs(new):
            self.beginInsertRows(QModelIndex(), first, last)
            self._rows[first:first] = rows[first : last + 1]
            self.endInsertRows()

    def _text(self, row: _Row, column: int) -> str:
        ticket = row.ticket
        if column == _WAITED:
            return wording.minutes(self._waited(ticket))
        return (
            str(row.place),
            ticket.number,
            ticket.patient_name or "",
            self._names.get(ticket.service, ticket.service),
            wording.priority_name(ticket.priority),
        )[column]

    def _waited(self, ticket: Ticket) -> float:
        return max(0.0, (self._bridge.now() - ticket.joined_at).total_seconds())

    def _line_changed(self, service: str) -> None:
        if service in self._services and not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def _services_changed(self) -> None:
        names = {service.code: wording.service_name(service) for service in self._bridge.services}
        if names != self._names:
            self._names = names
            self._emit_column_changed(Column.SERVICE)

    def _refresh_waits(self) -> None:
        self._emit_column_changed(Column.WAITED)

    def _emit_column_changed(self, column: Column) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, column), self.index(len(self._rows) - 1, column))


def _rows_that_stay(held: list[_Row], wanted: list[_Row]) -> set[str]:
    """Ids of the rows that need no move: a longest subsequence of `held` that is in the order of `wanted`."""
    places = {row.ticket.id: at for at, row in enumerate(wanted)}
    ids = [row.ticket.id for row in held if row.ticket.id in places]
    ends: list[int] = []
    lasts: list[int] = []
    before: list[int] = []
    for at, ticket_id in enumerate(ids):
        length = bisect_left(ends, places[ticket_id])
        ends[length : length + 1] = [places[ticket_id]]
        lasts[length : length + 1] = [at]
        before.append(lasts[length - 1] if length else -1)
    kept: set[str] = set()
    at = lasts[-1] if lasts else -1
    while at >= 0:
        kept.add(ids[at])
        at = before[at]
    return kept


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Splits rising numbers into runs of neighbours: 1 2 3 7 -> (1, 3) (7, 7)."""
    for _offset, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        members = [number for _at, number in run]
        yield members[0], members[-1]
