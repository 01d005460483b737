"""The earlier version's ticket numbers in InTurn's form: letters of one service and at least three digits, from 001.

Values in, values out. A number in that form stays as the patient holds it. A number that has to change keeps its digits
if they are free. A number is free on a day if no other ticket of its service has these digits and no other ticket has
its text on that day.
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
"""A service by its old id; None: the service for tickets of missing services."""

_FORM = re.compile(r"([A-Z]{1,3})[- ]?([0-9]{1,6})")


@dataclass(frozen=True)
class Number:
    """A ticket's number; `text` is its printed form."""

    letters: str
    value: int

    @property
    def text(self) -> str:
        return f"{self.letters}{self.value:03d}"


@dataclass(frozen=True)
class Numbered:
    """A ticket and its old number; `number` is None if that had another form (empty, no digits, too long)."""

    ticket: int
    line: Line
    day: date
    number: Number | None


def read_number(written: str | None) -> Number | None:
    """Parses an old number, in any case and with any leading zeros: `g-7` is G007. None if it has another form."""
    found = _FORM.fullmatch((written or "").strip().upper())
    return Number(found[1], int(found[2])) if found else None


def choose_prefixes(tickets: Iterable[Numbered], names: Mapping[Line, str]) -> dict[Line, str]:
    """Chooses different letters for each line: the most frequent in its numbers, else from its name, else any.

    Args:
        names: name of every line. The line of missing services chooses last.
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
    """Assigns a number to every ticket; returns ticket id -> number. Of two tickets with one number the earlier keeps it.

    First, tickets keep their numbers: those with the letters of their own service, then those with unused letters, then
    those with the letters of another service that will not issue the number again. The other tickets get the next free
    number from their digits on or, without digits, the number after the highest of the day.
    """
    book = _Book(tickets, prefixes)
    left = list(tickets)
    for may_keep in (book.has_own_letters, book.has_unused_letters, book.has_letters_for_good):
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
    """The numbers in use on each day.

    Attributes:
        given: ticket id -> number, for the tickets that have one.
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

    def has_unused_letters(self, ticket: Numbered, number: Number) -> bool:
        return number.letters not in self._owners

    def has_letters_for_good(self, ticket: Numbered, number: Number) -> bool:
        """Whether the service with these letters will not issue this number again on that day."""
        owner = self._owners.get(number.letters)
        newest = self._newest.get(owner, date.min)
        return newest > ticket.day or number.value < self.highest(owner, ticket.day)

    def claim(self, ticket: Numbered, number: Number) -> bool:
        """Assigns the number to the ticket. Returns False if the number is below 1 or in use."""
        values = self._values[ticket.line, ticket.day]
        text = (ticket.day, number.text)
        if number.value < 1 or number.value in values or text in self._texts:
            return False
        values.add(number.value)
        self._texts.add(text)
        self.given[ticket.ticket] = number
        return True

    def highest(self, line: Line, day: date) -> int:
        """The highest number of a line on a day; 0 if there is none."""
        return max(self._values[line, day], default=0)
