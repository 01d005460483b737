"""The earlier version's ticket numbers in InTurn's form: letters of one service and at least three digits, from 001.

Values in, values out. A number stays as the patient holds it where that form allows; what has to change keeps its digits
if they are free. A number is free on a day when no other ticket of its service has these digits that day, and nobody else
holds its text.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count, product
from string import ascii_uppercase
from typing import TypeAlias

Line: TypeAlias = int | None
"""A service by its old id; None: the one for tickets of missing services."""

_FORM = re.compile(r"([A-Z]{1,3})[- ]?([0-9]{1,6})")


@dataclass(frozen=True)
class Number:
    """A ticket's number; `text` is how it is written."""

    letters: str
    value: int

    @property
    def text(self) -> str:
        return f"{self.letters}{self.value:03d}"


@dataclass(frozen=True)
class Numbered:
    """A ticket and what was written on it; `number` is None for what has not the form (nothing, no digits, too long)."""

    ticket: int
    line: Line
    day: date
    number: Number | None


def read_number(written: str | None) -> Number | None:
    """What can be read in an old number, whatever its case and zeros: `g-7` is G007. None if it can't be one."""
    found = _FORM.fullmatch((written or "").strip().upper())
    return Number(found[1], int(found[2])) if found else None


def choose_prefixes(tickets: Iterable[Numbered], names: Mapping[Line, str]) -> dict[Line, str]:
    """Letters for each line, no two the same: those of most of its numbers, else from its name, else any.

    Args:
        names: of every line; one for missing services chooses last.
    """
    seen = Counter((t.line, t.number.letters) for t in tickets if t.number)
    wishes = sorted(seen, key=lambda wish: (wish[0] is None, -seen[wish], wish[0] or 0, wish[1]))
    chosen: dict[Line, str] = {}
    for line, letters in wishes:
        if line not in chosen and letters not in chosen.values():
            chosen[line] = letters
    for line, name in names.items():
        if line not in chosen:
            taken = {*chosen.values(), *(letters for _, letters in seen)}
            chosen[line] = next(letters for letters in _candidates(name) if letters not in taken)
    return chosen


def _candidates(name: str) -> Iterator[str]:
    own = re.sub(r"[^A-Z]", "", name.upper())
    yield from (own[:length] for length in (1, 2, 3) if len(own) >= length)
    for length in (1, 2, 3):
        yield from map("".join, product(ascii_uppercase, repeat=length))


def assign_numbers(tickets: Sequence[Numbered], prefixes: Mapping[Line, str]) -> dict[int, Number]:
    """A number for every ticket, by its id; of two that hold one, the earlier in `tickets` keeps it.

    Letters of the ticket's own service come before nobody's, and those before another service's. Whoever keeps a number
    comes before whoever needs another: the next free one from their digits on, or without digits the one behind the day's
    highest.
    """
    book = _Book(tickets, prefixes)
    left = list(tickets)
    for may_keep in (book.has_own_letters, book.has_nobodys_letters, book.has_letters_for_good):
        left = [t for t in left if not (t.number and may_keep(t, t.number) and book.claim(t, t.number))]
    for ticket in sorted(left, key=lambda t: not (t.number and t.number.value)):
        first = ticket.number.value if ticket.number else 0
        numbers = (
            Number(prefixes[ticket.line], v)
            for v in count(first or book.highest(ticket.line, ticket.day) + 1)
        )
        next(number for number in numbers if book.claim(ticket, number))
    return book.given


class _Book:
    """Which numbers are taken on which day.

    Attributes:
        given: the number of each ticket that has one.
    """

    def __init__(self, tickets: Sequence[Numbered], prefixes: Mapping[Line, str]) -> None:
        self.given: dict[int, Number] = {}
        self._prefixes = prefixes
        self._owners = {letters: line for line, letters in prefixes.items()}
        self._newest: dict[Line, date] = {}
        for ticket in tickets:
            self._newest[ticket.line] = max(ticket.day, self._newest.get(ticket.line, ticket.day))
        self._values: dict[tuple[Line, date], set[int]] = defaultdict(set)
        self._texts: set[tuple[date, str]] = set()

    def has_own_letters(self, ticket: Numbered, number: Number) -> bool:
        return number.letters == self._prefixes[ticket.line]

    def has_nobodys_letters(self, ticket: Numbered, number: Number) -> bool:
        return number.letters not in self._owners

    def has_letters_for_good(self, ticket: Numbered, number: Number) -> bool:
        """Whether the service with these letters will not give this number again on that day."""
        owner = self._owners.get(number.letters)
        newest = self._newest.get(owner, date.min)
        return newest > ticket.day or number.value < self.highest(owner, ticket.day)

    def claim(self, ticket: Numbered, number: Number) -> bool:
        """Gives the ticket this number; False if it can't be given or is taken."""
        values = self._values[ticket.line, ticket.day]
        text = (ticket.day, number.text)
        if number.value < 1 or number.value in values or text in self._texts:
            return False
        values.add(number.value)
        self._texts.add(text)
        self.given[ticket.ticket] = number
        return True

    def highest(self, line: Line, day: date) -> int:
        """The highest number of a line's day, 0 without any."""
        return max(self._values[line, day], default=0)
