"""The name with which a program introduces itself to a hub."""

from __future__ import annotations

from core.entry import version


def with_version(program: str) -> str:
    """A program's name with InTurn's version, e.g. "inturn-kiosk/0.1.0", as the hub's log shows it."""
    return f"{program}/{version()}"
