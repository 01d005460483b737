"""The style sheet for Qt's standard widgets, made from a palette. Text in, text out.

It covers the widgets that both programs use, except those that paint themselves (`core.qt.look.widgets`).
"""

from __future__ import annotations

from string import Template

from core.qt.look.palette import Palette

_SHEET = Template("""
QToolTip { background: $selected; color: $on_selected; border: none; padding: 6px 10px; font-size: ${s13}px; }

QLineEdit, QComboBox, QSpinBox, QPlainTextEdit {
    background: $surface; color: $text; font-size: ${s15}px; min-height: 22px;
    border: 2px solid $touch_border; border-radius: 14px; padding: 9px 13px;
    selection-background-color: $action; selection-color: $on_action;
}
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QPlainTextEdit:focus {
    border: 3px solid $focus; padding: 8px 12px;
}
QLineEdit:disabled, QComboBox:disabled {
    color: $text_secondary; border-color: $separator; background: $ground;
}
QComboBox::drop-down { border: none; width: 36px; }
QComboBox QAbstractItemView { border: 1px solid $touch_border; padding: 4px; }

QAbstractItemView {
    background: $surface; alternate-background-color: $surface; color: $text; border: none; outline: 0;
    selection-background-color: $action_soft; selection-color: $on_soft; gridline-color: $separator;
}
QHeaderView { background: $surface; }
QHeaderView::section {
    background: $surface; color: $text_secondary; font-size: ${s13}px; font-weight: 600;
    border: none; border-bottom: 1px solid $separator; padding: 8px 12px;
}

QMenu { background: $surface; color: $text; border: 1px solid $touch_border; padding: 6px; }
QMenu::item { padding: 8px 20px; border-radius: 6px; }
QMenu::item:selected { background: $action_soft; color: $on_soft; }

QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $touch_border; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 40px; }
QScrollBar::handle:horizontal { min-width: 40px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QTabBar::tab {
    background: transparent; color: $text; padding: 12px 16px;
    border: none; border-bottom: 3px solid transparent;
}
QTabBar::tab:selected { font-weight: 600; border-bottom-color: $action; }
QTabBar::tab:focus { color: $action; }
QCheckBox, QRadioButton { spacing: 10px; }
""")


def style_sheet(palette: Palette, text_scale: float = 1.0) -> str:
    """Returns the sheet for a palette; `text_scale` multiplies its font sizes."""
    sizes = {f"s{size}": str(round(size * text_scale)) for size in (13, 15)}
    return _SHEET.substitute(vars(palette), **sizes)
