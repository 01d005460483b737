"""Colours by role, and their contrast. Values only: no Qt here.

A widget names the role of a colour (`palette.action`, `palette.on_call`), never the colour itself, so that the light,
dark and high-contrast palettes are exchanged without a change to any widget. `USED_PAIRS` lists every pair of roles
that windows draw on each other, with its minimum contrast. A test checks all pairs in all palettes: a widget that needs
a new pair adds it here first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal[
    "ground", "surface", "text", "text_secondary", "touch_border", "separator",
    "action", "action_pressed", "on_action", "action_soft", "focus",
    "attention", "attention_soft", "danger", "danger_soft", "success", "success_soft",
    "neutral_soft", "on_soft",
    "selected", "on_selected", "rail", "on_rail", "on_rail_secondary",
    "ticket_ground", "on_ticket_ground", "ticket_time",
    "wall_ground", "wall_row", "wall_text", "wall_secondary", "wall_border", "wall_message",
    "wall_stale", "call", "call_dimmed", "on_call",
]  # fmt: skip
Tone = Literal["neutral", "action", "attention", "danger", "success"]


@dataclass(frozen=True)
class Palette:
    """One set of colours, each `#RRGGBB`, by role.

    Attributes:
        ground, surface: the window, and what lies on it (cards, tables, fields).
        text, text_secondary: words.
        touch_border: edge of a control. separator: decoration.
        action, on_action, action_soft: an action that is possible now, words on it, its quiet ground.
        focus: ring around the widget with keyboard focus.
        attention, danger, success (+ `_soft`): icons and short words; on a soft ground, words are `on_soft`.
        selected, on_selected: the selected item and words on it. rail, on_rail: the console's dark edge.
        ticket_*: the kiosk's page with the new number. wall_*, call*: the wall monitor.
    """

    ground: str
    surface: str
    text: str
    text_secondary: str
    touch_border: str
    separator: str
    action: str
    action_pressed: str
    on_action: str
    action_soft: str
    focus: str
    attention: str
    attention_soft: str
    danger: str
    danger_soft: str
    success: str
    success_soft: str
    neutral_soft: str
    on_soft: str
    selected: str
    on_selected: str
    rail: str
    on_rail: str
    on_rail_secondary: str
    ticket_ground: str
    on_ticket_ground: str
    ticket_time: str
    wall_ground: str
    wall_row: str
    wall_text: str
    wall_secondary: str
    wall_border: str
    wall_message: str
    wall_stale: str
    call: str
    call_dimmed: str
    on_call: str

    def colour(self, role: Role) -> str:
        """Returns the colour of a role given by name."""
        value: str = getattr(self, role)
        return value

    def tone(self, tone: Tone) -> tuple[str, str]:
        """Returns (strong, soft) of a tone: the icon's colour and the ground's; words on the ground are `on_soft`."""
        if tone == "neutral":
            return self.text_secondary, self.neutral_soft
        return self.colour(tone), getattr(self, f"{tone}_soft")


_WALL = {
    "wall_ground": "#0A1A2A",
    "wall_row": "#12283D",
    "wall_text": "#FFFFFF",
    "wall_secondary": "#A9BDCF",
    "wall_border": "#6F88A0",
    "wall_message": "#6FE0D2",
    "wall_stale": "#A9BDCF",
    "call": "#FFD24A",
    "call_dimmed": "#E3B52C",
    "on_call": "#12263A",
}

_WALL_HIGH_CONTRAST = _WALL | {
    "wall_ground": "#000000",
    "wall_row": "#0A1622",
    "wall_secondary": "#FFFFFF",
    "on_call": "#000000",
}

LIGHT = Palette(
    ground="#F6F4EF",
    surface="#FFFFFF",
    text="#12263A",
    text_secondary="#3A5064",
    touch_border="#76879A",
    separator="#DDD8CC",
    action="#005A56",
    action_pressed="#00443F",
    on_action="#FFFFFF",
    action_soft="#DDEFEC",
    focus="#005A56",
    attention="#7A4900",
    attention_soft="#FFF0CC",
    danger="#A31621",
    danger_soft="#FCE4E4",
    success="#175A2B",
    success_soft="#DFF2E3",
    neutral_soft="#ECE8DE",
    on_soft="#12263A",
    selected="#12263A",
    on_selected="#FFFFFF",
    rail="#12263A",
    on_rail="#FFFFFF",
    on_rail_secondary="#A9BDCF",
    ticket_ground="#005A56",
    on_ticket_ground="#FFFFFF",
    ticket_time="#FFD24A",
    **_WALL,
)

DARK = Palette(
    ground="#0A1A2A",
    surface="#12283D",
    text="#F6F4EF",
    text_secondary="#A9BDCF",
    touch_border="#7A93AB",
    separator="#24405A",
    action="#6FE0D2",
    action_pressed="#52C4B6",
    on_action="#0A1A2A",
    action_soft="#123F44",
    focus="#6FE0D2",
    attention="#FFCF7A",
    attention_soft="#3D3010",
    danger="#FFB3AE",
    danger_soft="#45202A",
    success="#8FE0A8",
    success_soft="#153A2C",
    neutral_soft="#1E3850",
    on_soft="#FFFFFF",
    selected="#F6F4EF",
    on_selected="#0A1A2A",
    rail="#06121E",
    on_rail="#FFFFFF",
    on_rail_secondary="#A9BDCF",
    ticket_ground="#005A56",
    on_ticket_ground="#FFFFFF",
    ticket_time="#FFD24A",
    **_WALL,
)

HIGH_CONTRAST = Palette(
    ground="#FFFFFF",
    surface="#FFFFFF",
    text="#000000",
    text_secondary="#000000",
    touch_border="#000000",
    separator="#595959",
    action="#003B38",
    action_pressed="#002523",
    on_action="#FFFFFF",
    action_soft="#E6F5F3",
    focus="#003B38",
    attention="#5A3500",
    attention_soft="#FFF5DC",
    danger="#7A0A14",
    danger_soft="#FDEDED",
    success="#0E4420",
    success_soft="#E9F7EC",
    neutral_soft="#EFEFEF",
    on_soft="#000000",
    selected="#000000",
    on_selected="#FFFFFF",
    rail="#000000",
    on_rail="#FFFFFF",
    on_rail_secondary="#FFFFFF",
    ticket_ground="#003B38",
    on_ticket_ground="#FFFFFF",
    ticket_time="#FFD24A",
    **_WALL_HIGH_CONTRAST,
)


@dataclass(frozen=True)
class Pair:
    """`front` is drawn on `back` and keeps at least `minimum`:1 of contrast."""

    front: Role
    back: Role
    minimum: float


TEXT, SHORT_TEXT, CONTROL = 7.0, 4.5, 3.0
"""WCAG contrast of running text; of large or bold single words (console only); of edges and icons of controls."""


def _pairs(fronts: tuple[Role, ...], backs: tuple[Role, ...], minimum: float) -> tuple[Pair, ...]:
    return tuple(Pair(front, back, minimum) for front in fronts for back in backs)


USED_PAIRS: tuple[Pair, ...] = (
    *_pairs(("text", "text_secondary", "action"), ("ground", "surface"), TEXT),
    *_pairs(("touch_border", "focus"), ("ground", "surface", "action_soft"), CONTROL),
    *_pairs(("attention", "danger", "success"), ("ground", "surface"), SHORT_TEXT),
    *_pairs(("on_action",), ("action", "action_pressed"), TEXT),
    *_pairs(
        ("on_soft",), ("action_soft", "attention_soft", "danger_soft", "success_soft", "neutral_soft"), TEXT
    ),
    *_pairs(("action",), ("action_soft",), CONTROL),
    *_pairs(("attention",), ("attention_soft",), CONTROL),
    *_pairs(("danger",), ("danger_soft",), CONTROL),
    *_pairs(("success",), ("success_soft",), CONTROL),
    *_pairs(("text_secondary",), ("action_soft", "neutral_soft"), SHORT_TEXT),
    *_pairs(("on_selected",), ("selected",), TEXT),
    *_pairs(("on_rail", "on_rail_secondary", "call"), ("rail",), TEXT),
    *_pairs(("on_ticket_ground",), ("ticket_ground",), TEXT),
    *_pairs(("ticket_ground",), ("on_ticket_ground",), TEXT),
    *_pairs(("ticket_time",), ("ticket_ground",), CONTROL),
    *_pairs(("wall_text", "wall_secondary", "wall_message"), ("wall_ground", "wall_row"), TEXT),
    *_pairs(("wall_border", "wall_stale"), ("wall_ground", "wall_row"), CONTROL),
    *_pairs(("on_call",), ("call", "call_dimmed"), TEXT),
    *_pairs(("call", "call_dimmed"), ("wall_ground", "wall_row"), CONTROL),
)


def contrast(first: str, second: str) -> float:
    """Returns the WCAG contrast ratio of two `#RRGGBB` colours, from 1 to 21."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
