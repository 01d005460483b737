"""What a check of `inturn-hub doctor` says: a line for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "FAILED"]


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes:
        level: "FAILED" for what must be mended, "warning" for what should be looked at.
        check: what was looked at, in a word.
        text: what was found and, unless it is ok, what to do.
    """

    level: Level
    check: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.check:<12} {self.text}"
