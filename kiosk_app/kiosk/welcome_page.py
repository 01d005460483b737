"""The welcome page: a card for each service, and where to find help."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core import wording
from core.qt.look import icons
from core.qt.look.theme import Theme
from core.qt.look.widgets import Notice
from kiosk_app.kiosk.header import Header
from kiosk_app.kiosk.service_cards import CardWords, ServiceCard
from kiosk_app.kiosk.touch import PillButton
from kiosk_app.kiosk.welcome_layout import Frame, WelcomeLayout, welcome_layout
from kiosk_app.shared.physical_scale import PhysicalScale
from kiosk_app.shared.text_lines import draw_lines, wrap


class WelcomePage(QWidget):
    """Shows the services as cards, on several sheets if needed.

    Attributes:
        layout_shown: the present layout; None before the first.
    Signals:
        chosen(str): the code of the service that was touched.
        sheet_wanted(int): the index, from 0, of the sheet that Back or More services asks for.
    """

    chosen = Signal(str)
    sheet_wanted = Signal(int)

    def __init__(self, theme: Theme, scale: PhysicalScale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._scale = theme, scale
        self._words: tuple[CardWords, ...] = ()
        self._sheet = 0
        self.layout_shown: WelcomeLayout | None = None
        self._cards: list[ServiceCard] = []
        self.header = Header(theme, scale, self)
        self.notice = Notice(theme, parent=self)
        self._back = self._turner("Back", "chevron-left", -1)
        self._more = self._turner("More services", "chevron-right", 1)
        theme.changed.connect(self.set_scale)

    def _turner(self, text: str, icon: str, step: int) -> PillButton:
        button = PillButton(
            self._theme, self._scale, text, "text", "surface", "touch_border", icon, step > 0, self
        )
        button.clicked.connect(lambda: self.sheet_wanted.emit(self._sheet + step))
        return button

    @property
    def cards(self) -> tuple[ServiceCard, ...]:
        """The cards on the sheet shown now."""
        return tuple(card for card in self._cards if not card.isHidden())

    def show_services(self, words: Sequence[CardWords]) -> None:
        """Shows these services, in this order."""
        if tuple(words) != self._words:
            self._words = tuple(words)
            self._arrange()

    def show_sheet(self, sheet: int) -> None:
        """Shows a sheet, from 0; an index past the last sheet shows the first."""
        if sheet != self._sheet:
            self._sheet = sheet
            self._arrange()

    def show_notice(self, sentence: str | None) -> None:
        """Shows a sentence over the cards, or hides it with None."""
        if sentence:
            self.notice.set_size(self._scale.body)
            self.notice.say(sentence, "attention")
        else:
            self.notice.clear()
        self._place_notice()
        self.update()

    def set_scale(self, scale: PhysicalScale | None = None) -> None:
        """Applies the scale of a resized window, or a changed theme."""
        self._scale = scale or self._scale
        for turner in (self._back, self._more):
            turner.set_scale(self._scale)
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._theme.colour("ground"))
        if self.layout_shown is not None:
            self._paint_heading(painter, self.layout_shown.frame)
            self._paint_footer(painter, QRectF(self.layout_shown.frame.footer))

    # --- layout ---

    def _arrange(self) -> None:
        layout = welcome_layout(self._theme, self._scale, self._words)
        self.layout_shown = layout
        self.header.set_scale(self._scale)
        self.header.setGeometry(layout.frame.header)
        self._place_cards(layout)
        self._place_turners(layout)
        self._place_notice()
        self.update()

    def _place_cards(self, layout: WelcomeLayout) -> None:
        sheet = self._sheet if self._sheet < layout.sheets else 0
        shown = self._words[sheet * layout.cards.per_sheet : (sheet + 1) * layout.cards.per_sheet]
        while len(self._cards) < len(shown):
            self._cards.append(self._new_card())
        for card in self._cards[len(shown) :]:
            card.hide()
        for index, (card, words) in enumerate(zip(self._cards, shown, strict=False)):
            card.setGeometry(layout.cards.place(index, layout.frame.cards))
            card.say(words, self._scale, layout.cards.text)
            card.show()

    def _new_card(self) -> ServiceCard:
        card = ServiceCard(self._theme, self._scale, self)
        card.chosen.connect(self.chosen)
        return card

    def _place_turners(self, layout: WelcomeLayout) -> None:
        area, gap = layout.turners, layout.cards.gap
        half = (area.width() - gap) // 2
        self._back.setGeometry(area.left(), area.top(), half, area.height())
        self._more.setGeometry(area.left() + half + gap, area.top(), half, area.height())
        self._back.setVisible(layout.sheets > 1 and self._sheet > 0)
        self._more.setVisible(self._sheet + 1 < layout.sheets)

    def _place_notice(self) -> None:
        if self.layout_shown is not None:
            area = self.layout_shown.frame.heading
            needed = self.notice.heightForWidth(area.width())
            least = min(needed, area.height())
            self.notice.setGeometry(area.left(), area.top(), area.width(), least)

    # --- painting behind the cards ---

    def _paint_heading(self, painter: QPainter, frame: Frame) -> None:
        if not self.notice.isHidden():
            return
        area, scale = frame.heading, self._scale
        title, hint = self._sentences()
        font = self._theme.font(frame.title, 700)
        painter.setPen(self._theme.colour("text"))
        lines = wrap(QFontMetricsF(font), title if frame.hint else title.replace("\n", " "), area.width(), 4)
        bottom = draw_lines(painter, font, lines, area.left(), area.top(), font.pixelSize() * 1.08)
        if not frame.hint:
            return
        font = self._theme.font(scale.body, 400)
        painter.setPen(self._theme.colour("text_secondary"))
        lines = wrap(QFontMetricsF(font), hint, area.width(), 4)
        draw_lines(painter, font, lines, area.left(), bottom + scale.px(18), scale.body * 1.3)

    def _sentences(self) -> tuple[str, str]:
        if not self._words:
            return wording.NO_SERVICES
        if not any(words.open for words in self._words):
            return wording.ALL_CLOSED
        return wording.WELCOME

    def _paint_footer(self, painter: QPainter, area: QRectF) -> None:
        scale = self._scale
        if area.isEmpty():
            return
        painter.fillRect(area, self._theme.colour("surface"))
        painter.setPen(QPen(self._theme.colour("separator"), scale.px(3)))
        painter.drawLine(area.topLeft(), area.topRight())
        size = min(scale.body, area.height() * 0.4)
        side = size * 1.25
        picture = QRectF(scale.margin, area.center().y() - side / 2, side, side)
        icons.draw(painter, "info", self._theme.palette.text_secondary, picture)
        painter.setFont(self._theme.font(size, 500))
        painter.setPen(self._theme.colour("text"))
        words = area.adjusted(picture.right() + size * 0.5, 0, -scale.margin, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, wording.HELP)
