"""The tables of tickets: a view whose columns share the width, and the model of the missed tickets."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSettings,
    Qt,
)
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from admin_app import console_words
from admin_app.line.cell_painter import ROW_HEIGHT, CellPainter, left_margin
from core.line.tickets import Ticket
from core.qt.look.theme import Size, Theme
from core.qt.queue_model import HEADINGS, Column, LineModel
from core.wording import priority_name

Index = QModelIndex | QPersistentModelIndex
WEIGHTS = (0.06, 0.14, 0.25, 0.25, 0.13, 0.17)
NARROWEST = (48, 76, 80, 80, 76, 116)


class MissedModel(QAbstractTableModel):
    """Table model of today's no-shows, newest first. The list is short, so any change resets the model."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Ticket] = []
        self._names: dict[str, str] = {}

    def show_tickets(self, rows: list[Ticket], names: dict[str, str]) -> None:
        """Shows these tickets; `names` maps a service's code to its name."""
        if (rows, names) != (self._rows, self._names):
            self.beginResetModel()
            self._rows, self._names = rows, names
            self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> str | None:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return "Called" if section == Column.WAITED else HEADINGS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        ticket, column = self._rows[index.row()], Column(index.column())
        return {
            Column.NUMBER: ticket.number,
            Column.PATIENT: ticket.patient_name or "",
            Column.SERVICE: self._names.get(ticket.service, ticket.service),
            Column.PRIORITY: priority_name(ticket.priority),
            Column.WAITED: console_words.calls_words(ticket),
        }.get(column, "")


class LineHeader(QHeaderView):
    """Column headings, aligned with the text of their cells."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._theme = theme
        self.setSectionsClickable(False)

    def paintSection(  # noqa: N802 - Qt's name
        self, painter: QPainter, rect: QRect, section: int
    ) -> None:
        theme = self._theme
        area = QRectF(rect)
        painter.fillRect(area, theme.colour("surface"))
        painter.fillRect(QRectF(area.left(), area.bottom() - 1, area.width(), 1), theme.colour("separator"))
        painter.setFont(theme.font(Size.SECONDARY, 600))
        painter.setPen(theme.colour("text_secondary"))
        words = str(self.model().headerData(section, self.orientation()) or "")
        inner = area.adjusted(left_margin(section), 0, 0, 0)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, "#" if section == Column.PLACE else words)


class LineTable(QTableView):
    """Table view whose columns share the width. Dragging a heading changes the shares and stores them in the settings."""

    def __init__(self, theme: Theme, model: QAbstractItemModel, name: str, settings: QSettings) -> None:
        super().__init__()
        self._settings = settings
        self._shares = self._stored_shares()
        self._sharing_width = False
        self.setModel(model)
        self.setItemDelegate(CellPainter(theme, self, model, waits=isinstance(model, LineModel)))
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        head = LineHeader(theme)
        self.setHorizontalHeader(head)
        head.setMinimumSectionSize(min(NARROWEST))
        head.setHighlightSections(False)
        head.setFixedHeight(38)
        head.sectionResized.connect(self._on_section_resized)
        theme.changed.connect(self.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        self._sharing_width = True
        room = self.viewport().width()
        widths = [max(least, int(room * share)) for least, share in zip(NARROWEST, self._shares, strict=True)]
        widths[Column.PATIENT] += room - sum(widths)
        for column, width in enumerate(widths):
            self.setColumnWidth(column, max(width, NARROWEST[column]))
        self._sharing_width = False

    def _on_section_resized(self, column: int, before: int, after: int) -> None:
        if self._sharing_width or self.viewport().width() < 1:
            return
        widths = [self.columnWidth(place) for place in Column]
        # Another column gives or takes the difference, so that the columns still fill the width.
        giver = Column.SERVICE if column == Column.PATIENT else Column.PATIENT
        rest = self.viewport().width() - sum(widths)
        widths[giver] = max(NARROWEST[giver], widths[giver] + rest)
        self._shares = tuple(width / sum(widths) for width in widths)
        self._share_width()
        self._settings.setValue("columns", " ".join(f"{share:.3f}" for share in self._shares))

    def _stored_shares(self) -> tuple[float, ...]:
        try:
            shares = tuple(float(share) for share in str(self._settings.value("columns") or "").split())
        except ValueError:
            return WEIGHTS
        return shares if len(shares) == len(Column) and 0.9 < sum(shares) < 1.1 else WEIGHTS
