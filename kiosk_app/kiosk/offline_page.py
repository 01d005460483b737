"""Please ask at reception: the hub is away, so no number can be given here."""

from __future__ import annotations

from core import wording
from kiosk_app.kiosk.message_page import MessagePage


class OfflinePage(MessagePage):
    """Says where to go instead. Nothing can be touched: a number is only ever given by the hub."""

    def show_reason(self, owed: bool, refused: str = "") -> None:
        """`owed`: an answer may still come. `refused`: why the hub does not take this kiosk, told to staff."""
        away = wording.OFFLINE_REFUSED if refused else wording.OFFLINE
        heading, sentence = wording.OFFLINE_OWED if owed and not refused else away
        self.say("unplug", "attention", heading, sentence, wording.for_staff(refused) if refused else "")
