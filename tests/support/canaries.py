"""Names that nobody has, and how one is found again in any stream of bytes, however it was written there."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote

MARKS = ("Qzxvkjwq", "Жёщюыъэп")
"""Every canary has one of these; the second one has no letter that JSON need not escape."""


def name_of(number: int) -> str:
    """The canary of a patient, of other texts about them, or of whatever else has a number."""
    return f'{MARKS[number % 2]}{number:05d} "O\\Neil"'


def numbers_in(stream: bytes) -> set[int]:
    """Whose canaries are in a stream of JSON as it is usually written: UTF-8, nothing escaped."""
    return {int(number) for mark in MARKS for number in re.findall(mark.encode() + rb"(\d{5})", stream)}


def leak_in(stream: bytes) -> str | None:
    """The first canary in a stream with what stands around it; None if there is none."""
    found = _FORMS.search(stream)
    if found is None:
        return None
    return repr(stream[max(0, found.start() - 200) : found.end() + 60])


def _ways_to_write(mark: str) -> Iterator[bytes]:
    """The mark in every form in which a program may write it; upper and lower case are alike."""
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
        # What begins within three bytes has three forms; the ends, which share a letter with a neighbour, are cut off.
        whole = base64.b64encode(b"\0" * before + text + b"\0" * 3)
        form = whole[(before * 8 + 5) // 6 : (before + len(text)) * 8 // 6]
        yield form
        yield form.replace(b"+", b"-").replace(b"/", b"_")


_FORMS = re.compile(
    b"|".join(re.escape(form) for mark in MARKS for form in _ways_to_write(mark)), re.IGNORECASE
)
