"""The rules of the texts that people type: what is refused, how a text is stored, and when two names are the same. Pure.

The command line and the hub call it; the database's functions check lengths and control characters once more
(`refuse_wrong_text` in `server/schema/functions/administration.sql`).
"""

from __future__ import annotations

import re
import unicodedata

from core.errors import InvalidParams

SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 1000
USERNAME_LENGTH, NAME_LENGTH, NOTE_LENGTH, REASON_LENGTH = 64, 100, 2000, 200
"""Characters of a stored text at most (NFC)."""
_BLANK_LOOKING = dict.fromkeys(map(ord, "\u115f\u1160\u2800\u3164\uffa0"), " ")
"""Letters and symbols without ink."""
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
_JOINERS = "\u200c\u200d"
_JOINER_AT_AN_EDGE = re.compile(
    rf"(?<![^\W\d_]|[\u0300-\u036f\u0900-\u0dff])[{_JOINERS}]+|[{_JOINERS}]+(?!\w)"
)


def clean(typed: str, what: str, most: int = NAME_LENGTH, *, lines: bool = False) -> str:
    """The text as it is stored: NFC, trimmed, inner spaces single, without invisible characters.

    U+200C and U+200D stay inside words: Persian and Indic scripts spell with them. Raises InvalidParams, with a
    sentence that begins with `what`, for a text that is blank, too long, not Unicode, or has control characters, line
    breaks (unless `lines`) or bidirectional overrides.
    """
    _refuse_signs(typed, what, lines)
    spaced = typed.translate(_BLANK_LOOKING)
    visible = "".join(sign for sign in spaced if unicodedata.category(sign) != "Cf" or sign in _JOINERS)
    parts = visible.split("\n") if lines else [visible]
    text = "\n".join(" ".join(_JOINER_AT_AN_EDGE.sub("", part).split()) for part in parts).strip()
    text = unicodedata.normalize("NFC", text)
    if all(unicodedata.category(sign)[0] in "ZMC" for sign in text):
        raise InvalidParams(f"{what} can't be empty.")
    if len(text) > most:
        raise InvalidParams(f"{what} is too long: {len(text)} characters, and at most {most} are possible.")
    return text


def quoted(typed: str) -> str:
    """What was typed, as a sentence quotes it: on one line, at most 40 characters of it."""
    shown = typed if typed.isprintable() else typed.encode("unicode_escape", "backslashreplace").decode()
    return f"“{shown[:40]}…”" if len(shown) > 40 else f"“{shown}”"


def normal_form(name: str) -> str:
    """The form in which two names are compared: equal forms are the same name.

    This is the only place that computes it. PostgreSQL lowers some letters differently, so the database stores the form.
    """
    folded = unicodedata.normalize("NFD", name).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def _refuse_signs(typed: str, what: str, lines: bool) -> None:
    for sign in typed:
        category = unicodedata.category(sign)
        if category == "Cs":
            raise InvalidParams(f"{what} is not valid text: write it in UTF-8.")
        if category in {"Cc", "Zl", "Zp"} and not (lines and sign == "\n"):
            raise InvalidParams(f"{what} can't have line breaks, tabs or other control characters.")
    if _OVERRIDES.search(typed):
        raise InvalidParams(f"{what} can't have characters that turn the direction of writing.")


def checked_password(password: str) -> str:
    """A password that may be set. Raises InvalidParams."""
    if any(unicodedata.category(sign) == "Cs" for sign in password):
        raise InvalidParams("The password is not valid text: write it in UTF-8.")
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidParams(f"The password needs at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise InvalidParams(f"The password can have at most {LONGEST_PASSWORD} characters.")
    return password
