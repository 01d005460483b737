"""The fields of a service, a counter and the site that an administrator can set: name, help, column and parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from core.errors import SetupError

OFF, NEVER = "off", "never"
RULES = ("best_rank", "in_order")


@dataclass(frozen=True)
class Field:
    """One field of a record.

    Attributes:
        name: the option's name, e.g. "head_start" for `--head-start`.
        help: its meaning, for `--help`.
        column: the column of the record's table that stores it; None: stored in another table.
        read: parses typed text into the column's value. Raises SetupError.
    """

    name: str
    help: str
    column: str | None = None
    read: Callable[[str], Any] = str

    @property
    def option(self) -> str:
        """The option of the command line, e.g. "--head-start"."""
        return "--" + self.name.replace("_", "-")


def column_values(fields: Iterable[Field], typed: Mapping[str, str]) -> dict[str, Any]:
    """Parses the typed fields that have a column: column -> value. Raises SetupError."""
    return {
        field.column: field.read(typed[field.name])
        for field in fields
        if field.column is not None and field.name in typed
    }


def whole_number(typed: str, what: str, least: int, most: int) -> int:
    """Parses a whole number from `least` to `most`; `what` is its unit. Raises SetupError."""
    if not re.fullmatch(r"[0-9]{1,9}", typed) or not least <= int(typed) <= most:
        raise SetupError(f"“{typed}” is no number of {what}: write a whole number from {least} to {most}.")
    return int(typed)


def _name(typed: str) -> str:
    if not typed.strip():
        raise SetupError("A name can't be empty.")
    return typed.strip()


def _rule(typed: str) -> str:
    if typed not in RULES:
        raise SetupError(f"“{typed}” is no rule: write {' or '.join(RULES)}.")
    return typed


def _time(typed: str) -> time:
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", typed)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise SetupError(f"“{typed}” is no time of day: write it like 04:00.")
    return time(int(found[1]), int(found[2]))


SERVICE_FIELDS = (
    Field("name", "as patients read it", "name", _name),
    Field(
        "head_start",
        "minutes that medium priority is ahead of low, or off: medium goes first",
        "head_start",
        lambda typed: None if typed == OFF else timedelta(minutes=whole_number(typed, "minutes", 0, 1440)),
    ),
    Field(
        "pace",
        "minutes a patient, until enough consultations are known",
        "configured_pace_seconds",
        lambda typed: 60 * whole_number(typed, "minutes", 1, 1440),
    ),
    Field(
        "quota",
        "tickets a business day, or off",
        "daily_quota",
        lambda typed: None if typed == OFF else whole_number(typed, "tickets", 1, 1_000_000),
    ),
    Field(
        "no_shows",
        "which no-show of a patient is final; those before send to the end of the line",
        "no_shows",
        lambda typed: whole_number(typed, "no-shows", 1, 1000),
    ),
    Field("hours", 'when it issues tickets: "mon-fri 08:00-12:00 13:00-17:00; sat 09:00-12:00", or always'),
    Field("last_ticket", "minutes before the end of each opening"),
)
COUNTER_FIELDS = (
    Field("name", "as patients read it", "name", _name),
    Field("services", "service codes in the order of serving, e.g. A,B"),
    Field(
        "rule",
        "which patient is next: best_rank of all its lines, or in_order of its services within a priority",
        "rule",
        _rule,
    ),
)
SITE_FIELDS = (
    Field("name", "the clinic's name", "site_name", _name),
    Field("time_zone", "an IANA name, e.g. Europe/Berlin", "time_zone"),
    Field("day_starts", "when numbers begin again, e.g. 04:00", "day_starts", _time),
    Field(
        "day_closes",
        "when waiting patients are cancelled, e.g. 22:00, or never",
        "day_closes",
        lambda typed: None if typed == NEVER else _time(typed),
    ),
    Field(
        "counter_free_after",
        "minutes without its holder after which a counter without a patient is free (10)",
        "counter_free_after",
        lambda typed: timedelta(minutes=whole_number(typed, "minutes", 1, 1440)),
    ),
)
