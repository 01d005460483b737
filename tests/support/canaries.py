"""Names that no real patient has, and a search that finds them in any encoding in a stream of bytes."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote

MARKS = ("Qzxvkjwq", "Жёщюыъэп")
"""Every canary contains one of these marks; JSON may escape every letter of the second."""


def name_of(number: int) -> str:
    """The canary of a number: a patient's name, or another text."""
    return f'{MARKS[number % 2]}{number:05d} "O\\Neil"'


def numbers_in(stream: bytes) -> set[int]:
    """The numbers of the canaries in a stream of JSON in UTF-8 without escapes."""
    return {int(number) for mark in MARKS for number in re.findall(mark.encode() + rb"(\d{5})", stream)}


def leak_in(stream: bytes) -> str | None:
    """The first canary in a stream with its surroundings; None if there is none."""
    found = _FORMS.search(stream)
    if found is None:
        return None
    return repr(stream[max(0, found.start() - 200) : found.end() + 60])


def _encodings(mark: str) -> Iterator[bytes]:
    """The mark in every encoding that a program may use; the search ignores case."""
    text = mark.encode()
    yield text
    yield text.upper() if text.isascii() else mark.upper().encode()
    yield mark.lower().encode()
    yield "".join(f"\\u{ord(letter):04x}" for letter in mark).encode()
    yield "".join(f"&#{ord(letter)};" for letter in mark).encode()
    yield "".join(f"\\x{byte:02x}" for byte in text).encode()
    yield quote(text).encode()
    yield text.hex().encode()
    yield mark.encode("utf-16-le")
    for before in range(3):
        # base64 has three forms, by the offset; the first and last letters also encode neighbours and are cut off.
        whole = base64.b64encode(b"\0" * before + text + b"\0" * 3)
        form = whole[(before * 8 + 5) // 6 : (before + len(text)) * 8 // 6]
        yield form
        yield form.replace(b"+", b"-").replace(b"/", b"_")


_FORMS = re.compile(b"|".join(re.escape(form) for mark in MARKS for form in _encodings(mark)), re.IGNORECASE)
