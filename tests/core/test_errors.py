"""Reasons on the wire become exceptions of `core.errors`, and back."""

import pytest

from core.errors import (
    BY_REASON,
    HubError,
    InTurnError,
    QueueEmpty,
    RateLimited,
    Refusal,
    Unavailable,
    hub_error,
)


def test_every_reason_names_one_class_with_a_sentence() -> None:
    assert len(BY_REASON) >= 23
    for reason, kind in BY_REASON.items():
        error = hub_error(reason)
        assert type(error) is kind
        assert error.reason == reason
        assert error.message.endswith(".")


def test_the_docstring_is_the_default_message() -> None:
    assert QueueEmpty().message == "Nobody is waiting."
    assert HubError().message == "The hub could not do that."
    assert str(QueueEmpty("Nobody waits for X-ray.")) == "Nobody waits for X-ray."


def test_an_unknown_reason_of_a_newer_hub_is_kept() -> None:
    error = hub_error("moon_is_full", "Not tonight.", phase="full")
    assert type(error) is HubError
    assert (error.reason, error.message, error.data) == ("moon_is_full", "Not tonight.", {"phase": "full"})
    assert HubError.reason == "refused"


@pytest.mark.parametrize(("kind", "code"), [(Refusal, -32000), (RateLimited, -32029), (Unavailable, -32053)])
def test_each_error_class_has_its_code(kind: type[HubError], code: int) -> None:
    assert kind.code == code
    assert issubclass(kind, InTurnError)
