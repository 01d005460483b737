"""Texts of the ticket page: how many are ahead is the hub's word, and without an open counter nothing is promised."""

from __future__ import annotations

from datetime import UTC

import pytest

from core.line.tickets import WaitBracket
from kiosk_app.kiosk.kiosk_words import ticket_words
from tests.support.builders import make_service, make_ticket

WAIT = WaitBracket(600, 1200)


@pytest.mark.parametrize(
    ("ahead", "position", "figures"),
    [
        (8, 1, (("8", "people ahead"), ("10–20 min", "likely wait,\nfrom 10:42"))),
        (1, 5, (("1", "person ahead"), ("10–20 min", "likely wait,\nfrom 10:42"))),
        (0, 1, (("You are next", ""),)),
        (None, 1, (("No counter is open yet", "You keep your place."),)),
        (None, 9, (("No counter is open yet", "You keep your place."),)),
    ],
)
def test_the_ticket_page_says_what_the_hub_says(
    ahead: int | None, position: int, figures: tuple[tuple[str, str], ...]
) -> None:
    ticket = make_ticket("B001", ahead=ahead, position=position, estimated_wait=WAIT)
    assert ticket_words(ticket, [make_service("B", "Blood tests")], UTC).figures == figures
