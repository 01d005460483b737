"""One line of `inturn-hub doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "FAILED"]


@dataclass(frozen=True)
class Finding:
    """The result of a check, printed as one line.

    Attributes:
        level: "FAILED" for a fault that must be repaired, "warning" for one that should be examined.
        check: name of the check, one word.
        text: the result and, unless `level` is "ok", what to do.
    """

    level: Level
    check: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.check:<12} {self.text}"
