"""Layout of the welcome page on any screen: heading, cards, help.

`welcome_layout` tries frames from the most spacious to the tightest until all cards fit with full-size text. It then
tries the same frames with smaller text, down to the smallest readable size. If the cards still don't fit, it spreads
the services over several sheets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from PySide6.QtCore import QRect

from core.qt.look.theme import Theme
from kiosk_app.kiosk.action_band import COLUMN, action_band, controls_area
from kiosk_app.kiosk.header import header_area
from kiosk_app.kiosk.service_cards import (
    FULL_TEXT,
    ONE_COLUMN,
    SMALLER_TEXT,
    TWO_COLUMNS,
    CardLayout,
    CardWords,
    card_layout,
)
from kiosk_app.shared.physical_scale import GAP_MM, PhysicalScale

_WIDE = 1.4
"""Aspect ratio from which on the heading can stand beside the cards."""


@dataclass(frozen=True)
class Frame:
    """The areas of the page, in logical pixels.

    Attributes:
        header, heading, cards, footer: rectangles; an empty footer is not shown.
        title: font size of the heading.
        hint: whether a sentence fits under the heading.
    """

    header: QRect
    heading: QRect
    cards: QRect
    footer: QRect
    title: float
    hint: bool


@dataclass(frozen=True)
class WelcomeLayout:
    """A frame and the layout of its cards.

    Attributes:
        sheets: number of sheets.
        turners: area of the buttons Back and More services; empty if there is one sheet.
    """

    frame: Frame
    cards: CardLayout
    sheets: int
    turners: QRect


def welcome_layout(theme: Theme, scale: PhysicalScale, words: Sequence[CardWords]) -> WelcomeLayout:
    """Returns the most spacious layout that shows all services, or one with several sheets."""
    frames = list(_frames(scale, len(words)))
    for texts in (FULL_TEXT, SMALLER_TEXT):
        for frame, columns in frames:
            for text in texts:
                cards = card_layout(theme, scale, words, frame.cards.width(), columns, text)
                if len(words) <= TWO_COLUMNS and cards.height(len(words)) <= frame.cards.height():
                    return WelcomeLayout(frame, cards, 1, QRect())
    return _on_sheets(theme, scale, words, *frames[-1])


def _on_sheets(
    theme: Theme, scale: PhysicalScale, words: Sequence[CardWords], frame: Frame, columns: int
) -> WelcomeLayout:
    area = frame.cards
    turners = controls_area(scale, area.left(), area.width())
    # The buttons that turn the sheets take the place of the help sentence.
    frame = replace(frame, footer=QRect())
    choices = []
    for text in SMALLER_TEXT:
        cards = card_layout(theme, scale, words, area.width(), columns, text)
        rows = max(1, (area.height() + cards.gap) // (cards.size.height() + cards.gap))
        sheets = max(1, ceil(len(words) / min(TWO_COLUMNS, rows * columns)))
        cards = cards.with_sheet(max(1, ceil(len(words) / sheets / columns)) * columns)
        choices.append(WelcomeLayout(frame, cards, ceil(len(words) / cards.per_sheet), turners))
    return min(choices, key=lambda layout: layout.sheets)


def _frames(scale: PhysicalScale, count: int) -> Iterator[tuple[Frame, int]]:
    columns = (1, 2) if count <= ONE_COLUMN else (2,)
    wide = scale.width / max(1, scale.height) >= _WIDE
    if wide and count <= ONE_COLUMN:
        yield _beside(scale), 1
    if not wide:
        for number in columns:
            yield _above(scale, hint=scale.portrait), number
    yield _above(scale, hint=False), 2


def _above(scale: PhysicalScale, hint: bool) -> Frame:
    header, margin = header_area(scale), scale.margin
    room = scale.width - 2 * margin
    if hint:
        title = min(scale.px(84), room * 0.1)
        heading = QRect(
            margin, header.bottom() + round(scale.px(40)), room, round(title * 2.2 + scale.px(124))
        )
    else:
        title = min(scale.px(72), room * 0.068)
        heading = QRect(margin, header.bottom(), room, round(title * 1.5))
    bottom = action_band(scale)
    end = bottom.top() - max(scale.mm(GAP_MM), round(margin * 0.4))
    cards = QRect(margin, heading.bottom(), room, end - heading.bottom())
    return Frame(header, heading, cards, bottom, title, hint)


def _beside(scale: PhysicalScale) -> Frame:
    header, footer, margin = header_area(scale), action_band(scale), scale.margin
    # Done lies in the column of the heading: beside it the cards may be lower than the band.
    footer.setTop(max(footer.top(), round(scale.height * 0.9)))
    top, end = header.bottom() + 1, footer.top() - scale.mm(GAP_MM)
    left = round(scale.width * COLUMN)
    heading = QRect(margin, top + round(scale.px(20)), left - 2 * margin, end - top)
    cards = QRect(left, top, scale.width - left - margin, end - top)
    return Frame(header, heading, cards, footer, min(scale.px(84), heading.width() * 0.155), True)
