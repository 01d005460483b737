"""The page for choosing a counter: a card for each, with its services and its holder."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from admin_app import console_flow as flow
from admin_app import console_words
from admin_app.counter.counter_desk import CounterDesk
from core.line.tickets import CounterSummary
from core.qt.look.palette import Role, Tone
from core.qt.look.plain_text import PlainButton
from core.qt.look.theme import Radius, Size, Theme, space
from core.qt.look.widgets import Notice, paint_pill, rounded, text_label
from core.wording import counter_name

CARD_WIDTH, CARD_HEIGHT = 340, 132
MOST_COLUMNS = 3


class CounterCard(PlainButton):
    """Card of one counter: name, services, holder. Disabled while another user holds the counter."""

    def __init__(self, theme: Theme, code: str) -> None:
        super().__init__()
        self._theme = theme
        self._services, self._status = "", ""
        self._tone: Tone = "neutral"
        self.code = code
        self.setObjectName(f"counter_{code}")
        self.setFixedSize(CARD_WIDTH, CARD_HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self.update)

    def show_counter(self, name: str, services: str, status: str, tone: Tone, may_choose: bool) -> None:
        """Sets the card's texts, and whether it can be clicked."""
        self.setText(name)
        self._services, self._status, self._tone = services, status, tone
        self.setEnabled(may_choose)
        self.setCursor(Qt.CursorShape.PointingHandCursor if may_choose else Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(f"{name}: {status}. {services}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(CARD_WIDTH, CARD_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, area = self._theme, QRectF(self.rect())
        touched = self.isEnabled() and (self.underMouse() or self.isDown())
        edge: Role = "touch_border" if self.isEnabled() else "separator"
        fill: Role = "action_soft" if touched else "surface" if self.isEnabled() else "ground"
        rounded(painter, area, Radius.MEDIUM, theme.colour(fill), QPen(theme.colour(edge), 1.5))
        if self.hasFocus():
            ring = QPen(theme.colour("focus"), 3)
            rounded(painter, area, Radius.MEDIUM, edge=ring)
        self._paint_words(painter, area.adjusted(space(3), space(2), -space(3), -space(2)))

    def _paint_words(self, painter: QPainter, inner: QRectF) -> None:
        theme, left = self._theme, Qt.AlignmentFlag.AlignLeft
        painter.setFont(theme.font(Size.TITLE, 600))
        painter.setPen(theme.colour("text"))
        painter.drawText(inner, left, self.text())
        painter.setFont(theme.font(Size.BASE))
        painter.setPen(theme.colour("text_secondary"))
        words = QRectF(inner.left(), inner.top() + 32, inner.width(), 24)
        metrics = QFontMetricsF(painter.font())
        painter.drawText(
            words, left, metrics.elidedText(self._services, Qt.TextElideMode.ElideRight, words.width())
        )
        width = QFontMetricsF(theme.font(Size.SECONDARY, 600)).horizontalAdvance(self._status) + 46
        pill = QRectF(inner.left(), inner.bottom() - 28, min(width, inner.width()), 28)
        icon = {"success": "circle-check", "attention": "pause", "action": "user"}.get(self._tone, "user")
        paint_pill(
            painter,
            theme,
            pill,
            self._status,
            self._tone,
            icon if self._status != "Closed" else "door-closed",
        )


class CounterPage(QWidget):
    """The list of counters.

    Signals:
        chosen(str): the code of the counter that was clicked.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, desk: CounterDesk) -> None:
        super().__init__()
        self._theme, self._desk = theme, desk
        self.cards: dict[str, CounterCard] = {}
        self._columns = 0
        self._focus_pending = False
        self.notice = Notice(theme)
        self._empty = text_label(theme, "", Size.BASE, role="text_secondary")
        self._empty.setWordWrap(True)
        self._grid_place = QWidget()
        self._grid = QGridLayout(self._grid_place)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(space(2))
        self._grid.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._lay_out()

    def enter(self) -> None:
        """Called when the page appears: focuses the user's counter, else the first that may be chosen."""
        self._focus_pending = True
        self.draw()

    def leave(self) -> None:
        """Called when another page appears: clears the notice."""
        self.notice.clear()

    def draw(self) -> None:
        """Shows the present state of the counters."""
        counters = self._desk.bridge.counters
        if [counter.code for counter in counters] != list(self.cards):
            self._make_cards(counters)
        for counter in counters:
            self._draw_card(self.cards[counter.code], counter)
        if self._focus_pending:
            self._focus_card()
        self._empty.setVisible(not counters)
        self._empty.setText(
            "There are no counters yet. An administrator adds one on the hub's computer with: "
            "inturn-hub counter add CODE NAME --services A,B"
        )

    def _focus_card(self) -> None:
        here = self._desk.state.counter
        order = [self.cards[here.code]] if here and here.code in self.cards else []
        order += [card for card in self.cards.values() if card.isEnabled()]
        if order:
            self._focus_pending = False
            order[0].setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.viewport().setAutoFillBackground(False)
        self._grid_place.setAutoFillBackground(False)
        scroll.setWidget(self._grid_place)
        column = QVBoxLayout(self)
        column.setContentsMargins(space(6), space(5), space(3), space(2))
        column.setSpacing(space(1))
        column.addWidget(text_label(self._theme, "Where do you work today?", Size.MAIN, 700))
        column.addWidget(
            text_label(self._theme, "Your choice is remembered on this computer.", role="text_secondary")
        )
        column.addSpacing(space(2))
        column.addWidget(self.notice)
        column.addWidget(self._empty)
        column.addWidget(scroll, 1)

    def _make_cards(self, counters: tuple[CounterSummary, ...]) -> None:
        for card in self.cards.values():
            card.deleteLater()
        self.cards = {counter.code: CounterCard(self._theme, counter.code) for counter in counters}
        for card in self.cards.values():
            card.clicked.connect(lambda _=False, code=card.code: self.chosen.emit(code))
        self._columns = 0
        self._arrange()

    def _arrange(self) -> None:
        columns = max(1, min(MOST_COLUMNS, (self.width() - space(9)) // (CARD_WIDTH + space(2))))
        if columns != self._columns:
            self._columns = columns
            for place, card in enumerate(self.cards.values()):
                self._grid.addWidget(card, place // columns, place % columns)

    def _draw_card(self, card: CounterCard, counter: CounterSummary) -> None:
        desk, bridge = self._desk.state, self._desk.bridge
        card.show_counter(
            counter_name(counter.code, bridge.counters),
            console_words.services_of(counter, bridge.services),
            console_words.counter_status(counter, desk),
            console_words.counter_tone(counter, desk),
            flow.may_choose(counter, desk) and desk.link == "live",
        )
