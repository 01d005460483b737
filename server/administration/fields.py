"""The fields of a service, a counter and the site that administrators can set, for the command line and the wire.

`read` parses what is typed into the value that the wire carries, `check` turns that value into the one that is stored.
Both raise InTurnError with a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from core.errors import InTurnError, InvalidParams, SetupError
from core.texts import USERNAME_LENGTH, clean, normal_form, quoted
from server.administration.opening_hours import hours_record, parse_hours

OFF, NEVER = "off", "never"
RULES = ("best_rank", "in_order")
CODE, PREFIX, LANGUAGE = r"[A-Za-z0-9_-]{1,32}", r"[A-Z]{1,3}", r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"


@dataclass(frozen=True)
class Field:
    """One field of a record.

    Attributes:
        name: the member of the record; the option is made of it, e.g. "head_start" for `--head-start`.
        help: its meaning, for `--help`.
        read: parses typed text into the wire's value.
        check: the value as it is stored.
    """

    name: str
    help: str
    read: Callable[[str], Any] = str
    check: Callable[[Any], Any] = lambda value: value

    @property
    def option(self) -> str:
        """The option of the command line, e.g. "--head-start"."""
        return "--" + self.name.replace("_", "-")


def read_typed(fields: Iterable[Field], typed: Mapping[str, str]) -> dict[str, Any]:
    """Parses typed fields: name -> value as on the wire. Raises InTurnError."""
    return {field.name: field.read(typed[field.name]) for field in fields if field.name in typed}


def checked(fields: Iterable[Field], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as the database's functions take them, with the normal form of a name.

    Raises InvalidParams with the path of the field that does not fit.
    """
    stored: dict[str, Any] = {}
    for field in fields:
        if field.name in changes:
            try:
                stored[field.name] = field.check(changes[field.name])
            except InTurnError as error:
                raise InvalidParams(error.message, path=f"$.changes.{field.name}") from error
    for name in ("name", "display_name"):
        if name in stored:
            stored[f"{name}_key"] = normal_form(stored[name])
    return stored


def checked_code(code: str) -> str:
    """A code of a service or a counter. Raises InvalidParams."""
    if not re.fullmatch(CODE, code):
        raise InvalidParams(
            f"{quoted(code)} is no code: write up to 32 letters from A to Z, digits, - and _.", path="$.code"
        )
    return code


def device_code(name: str) -> str:
    """The wish for a new device's code, made of its name: at most 28 letters, digits and -."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:28].strip("-") or "device"


def whole_number(typed: str, what: str, least: int, most: int) -> int:
    """Parses a whole number from `least` to `most`; `what` is its unit. Raises SetupError."""
    if not re.fullmatch(r"[0-9]{1,9}", typed) or not least <= int(typed) <= most:
        raise SetupError(
            f"{quoted(typed)} is no number of {what}: write a whole number from {least} to {most}."
        )
    return int(typed)


@cache
def icons() -> tuple[str, ...]:
    """The names of the icons that a card can show."""
    folder = resources.files("resources") / "icons"
    return tuple(sorted(file.name[:-4] for file in folder.iterdir() if file.name.endswith(".svg")))


def code_list(typed: str) -> list[str]:
    """Codes with commas or spaces between them."""
    return typed.replace(",", " ").split()


def _number(what: str, least: int, most: int) -> Callable[[str], int]:
    return lambda typed: whole_number(typed, what, least, most)


def _or_off(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda typed: None if typed == OFF else read(typed)


def _unless_none(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


def _text(what: str) -> Callable[[str], str]:
    return lambda value: clean(value, what)


def _by_language(typed: str) -> dict[str, str]:
    """Parses `en=First floor; de=Erster Stock`; off: none."""
    parts = [part.partition("=") for part in typed.split(";")] if typed != OFF else []
    if not all(equals for _, equals, _ in parts):
        raise SetupError(f"{quoted(typed)} has no languages: write it like en=First floor; de=Erster Stock.")
    return {language.strip(): text for language, _, text in parts}


def _texts(what: str) -> Callable[[Mapping[str, str]], dict[str, str]]:
    def check(texts: Mapping[str, str]) -> dict[str, str]:
        for language in texts:
            if not re.fullmatch(LANGUAGE, language):
                raise InvalidParams(f"{quoted(language)} is no language: write it like de or zh-Hans.")
        return {language: clean(text, what) for language, text in texts.items()}

    return check


def _icon(value: str) -> str:
    if value not in icons():
        raise InvalidParams(f"There is no icon {quoted(value)}. Known: {', '.join(icons())}.")
    return value


def _prefix(value: str) -> str:
    if not re.fullmatch(PREFIX, value):
        raise InvalidParams(f"{quoted(value)} is no prefix: write one to three letters from A to Z.")
    return value


def _rule(value: str) -> str:
    if value not in RULES:
        raise InvalidParams(f"{quoted(value)} is no rule: write {' or '.join(RULES)}.")
    return value


def _time(value: str) -> str:
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", value)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise InvalidParams(f"{quoted(value)} is no time of day: write it like 04:00.")
    return f"{int(found[1]):02}:{found[2]}"


def _languages(value: list[str]) -> list[str]:
    _texts("")(dict.fromkeys(value, "-"))
    if not value or len(set(value)) < len(value):
        raise InvalidParams("Give the site's languages once each, the main one first: like de,en.")
    return list(value)


NAME = Field("name", "as patients read it", check=_text("The name"))
NAMES = Field(
    "names",
    'the name in further languages, e.g. "de=Arzt; fr=Médecin", or off',
    _by_language,
    _texts("The name"),
)
SERVICE_FIELDS = (
    NAME,
    NAMES,
    Field("prefix", "letters of its numbers, from its next business day on", str.upper, _prefix),
    Field("alias", "another word for it on the card, or off", _or_off(str), _unless_none(_text("The alias"))),
    Field("icon", "the card's icon, e.g. stethoscope, or off", _or_off(str), _unless_none(_icon)),
    Field("order", "its place among the services, from 0", _number("places", 0, 10_000)),
    Field("group", "the group of its card, or off", _or_off(str), _unless_none(_text("The group"))),
    Field(
        "where",
        'where its patients wait, e.g. "en=First floor; de=Erster Stock", or off',
        _by_language,
        _texts("The place"),
    ),
    Field(
        "wait_target",
        "minutes that a patient should wait at most, or off",
        _or_off(_number("minutes", 1, 1440)),
    ),
    Field(
        "head_start",
        "minutes that medium priority is ahead of low, or off: medium goes first",
        _or_off(_number("minutes", 0, 1440)),
    ),
    Field("pace", "minutes a patient, until enough consultations are known", _number("minutes", 1, 1440)),
    Field("quota", "tickets a business day, or off", _or_off(_number("tickets", 1, 1_000_000))),
    Field(
        "no_shows",
        "which no-show of a patient is final; those before send to the end of the line",
        _number("no-shows", 1, 1000),
    ),
    Field(
        "hours",
        'when it issues tickets: "mon-fri 08:00-12:00 13:00-17:00; sat 09:00-12:00", or always',
        check=lambda value: hours_record(parse_hours(value)),
    ),
    Field("last_ticket", "minutes before the end of each opening", _number("minutes", 0, 1439)),
)
COUNTER_FIELDS = (
    NAME,
    NAMES,
    Field("services", "service codes in the order of serving, e.g. A,B", code_list),
    Field(
        "rule",
        "which patient is next: best_rank of all its lines, or in_order of its services within a priority",
        check=_rule,
    ),
    Field(
        "sign", "what the wall shows large, e.g. 12, or off", _or_off(str), _unless_none(_text("The sign"))
    ),
    Field("words", 'its sign in words, e.g. "en=Room 12", or off', _by_language, _texts("The sign")),
    Field("place", 'where it is, e.g. "en=first floor", or off', _by_language, _texts("The place")),
    Field(
        "short", 'its words for a narrow wall, e.g. "en=R 12", or off', _by_language, _texts("The short sign")
    ),
)
SITE_FIELDS = (
    Field("name", "the clinic's name", check=_text("The name")),
    Field("time_zone", "an IANA name, e.g. Europe/Berlin", check=_text("The time zone")),
    Field(
        "languages", "the languages of its patients, the main one first, e.g. de,en", code_list, _languages
    ),
    Field("day_starts", "when numbers begin again, e.g. 04:00", check=_time),
    Field(
        "day_closes",
        "when waiting patients are cancelled, e.g. 22:00, or never",
        lambda typed: None if typed == NEVER else typed,
        _unless_none(_time),
    ),
    Field(
        "counter_free_after",
        "minutes without its holder after which a counter without a patient is free (10)",
        _number("minutes", 1, 1440),
    ),
)
USER_FIELDS = (
    Field("name", "the name to sign in with", check=lambda value: clean(value, "The name", USERNAME_LENGTH)),
    Field(
        "display_name",
        "the name that colleagues read",
        check=lambda value: clean(value, "The displayed name"),
    ),
    Field("role", "staff, supervisor or admin"),
)
DEVICE_FIELDS = (Field("name", "the device's name", check=_text("The name")),)
