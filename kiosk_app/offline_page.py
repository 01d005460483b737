"""Please ask at reception: the hub is away, so no number can be given here."""

from __future__ import annotations

from core import wording
from kiosk_app.message_page import MessagePage


class OfflinePage(MessagePage):
    """Says where to go instead. Nothing can be touched: a number is only ever given by the hub."""

    def show_reason(self, owed: bool, aside: str = "") -> None:
        """`owed`: an answer may still come; `aside`: what staff should know, small at the bottom."""
        heading, sentence = wording.OFFLINE_OWED if owed else wording.OFFLINE
        self.say("unplug", "attention", heading, sentence, aside)
