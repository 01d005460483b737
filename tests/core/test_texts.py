"""The rules of typed texts: what is refused, what is stored, and which names are the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidParams
from core.texts import NAME_LENGTH, clean, normal_form, quoted


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  See   a doctor ", "See a doctor"),
        ("Zoe\u0308", "Zoë"),
        ("Room\u00a012", "Room 12"),
        ("\u200bAnna\ufeff", "Anna"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("\u200cAnna\u200d", "Anna"),
        ("A\u3164B", "A B"),
    ],
)
def test_a_text_is_stored_trimmed_and_composed(typed: str, stored: str) -> None:
    assert clean(typed, "The name") == stored


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "can't be empty"),
        (" \u00a0\u2003", "can't be empty"),
        ("\u200b\u2060", "can't be empty"),
        ("\u3164\u2800", "can't be empty"),
        ("\u0301", "can't be empty"),
        ("A\nB", "line breaks"),
        ("A\tB", "tabs"),
        ("A\x07", "control characters"),
        ("A\u2028B", "line breaks"),
        ("A\udcff", "UTF-8"),
        ("A\u202eB", "turn the direction"),
        ("A\u2067B", "turn the direction"),
        ("x" * (NAME_LENGTH + 1), "too long: 101 characters"),
    ],
)
def test_what_no_name_can_be_is_refused_in_a_sentence(typed: str, why: str) -> None:
    with pytest.raises(InvalidParams, match=why) as refused:
        clean(typed, "The name")
    assert refused.value.message.startswith("The name ")
    assert refused.value.message.endswith(".")
    assert "\n" not in refused.value.message


def test_a_note_may_have_lines() -> None:
    assert clean(" one \n  two  ", "The note", lines=True) == "one\ntwo"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("İbrahim", "i\u0307brahim"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("Straße", "STRASSE"),
        ("Zoë", "ZOE\u0308"),
        ("Anna  Berg", " anna berg"),
        ("\u1fb3", "\u0391\u0345"),
    ],
)
def test_equal_names_have_one_form(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@given(st.text(max_size=30))
def test_the_form_is_composed_and_of_no_case(name: str) -> None:
    form = normal_form(name)
    assert unicodedata.is_normalized("NFC", form)
    assert (
        normal_form(unicodedata.normalize("NFD", name))
        == form
        == normal_form(unicodedata.normalize("NFC", name))
    )


@given(st.text(max_size=120))
def test_any_text_is_stored_once_and_for_all_or_refused(typed: str) -> None:
    try:
        stored = clean(typed, "The name")
    except InvalidParams:
        return
    assert clean(stored, "The name") == stored
    assert 0 < len(stored) <= NAME_LENGTH


def test_a_quotation_is_one_short_line() -> None:
    assert quoted("a\nb") == "“a\\nb”"
    assert len(quoted("x" * 1000)) == 43
