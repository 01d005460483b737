"""What a model clinic consists of: services, counters, tickets, and what a person may undo."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


class Refused(Exception):
    """The operation is refused; the text is the reason on the wire."""


@dataclass
class ModelTicket:
    """A ticket. `touched` is the step of its last change."""

    id: str
    number: str
    service: str
    priority: str
    joined_at: datetime
    rank: tuple[int, datetime]
    status: str = "waiting"
    counter: str | None = None
    calls: int = 0
    no_shows: int = 0
    touched: int = 0


@dataclass
class ModelService:
    """A service; `line` has the ids of its waiting tickets, in order."""

    code: str
    head_start: timedelta | None = None
    no_shows: int = 1
    quota: int | None = None
    state: str = "open"
    issued: int = 0
    line: list[str] = field(default_factory=list)

    def rank(self, priority: str, joined_at: datetime) -> tuple[int, datetime]:
        """Three classes by priority; with a head start medium and low share a class, and medium is that much earlier."""
        if self.head_start is None:
            return ("high", "medium", "low").index(priority), joined_at
        return int(priority != "high"), joined_at - (self.head_start if priority == "medium" else timedelta())


@dataclass
class ModelCounter:
    """A counter; its services are in their order."""

    code: str
    services: tuple[str, ...]
    rule: str = "best_rank"
    state: str = "open"
    holder: str | None = None


@dataclass
class Undo:
    """A person's last operation: its tickets before it (None: new) and their places."""

    key: str
    tickets: list[tuple[str, ModelTicket | None, int | None]]
    step: int
    expired: bool = False
