"""One moment, please: a ticket has been asked for, or the kiosk is starting."""

from __future__ import annotations

from core import wording
from kiosk_app.kiosk.message_page import MessagePage


class JoiningPage(MessagePage):
    """Asks for patience; after a while it says where else to go."""

    def show_wait(self, starting: bool, slow: bool) -> None:
        """`starting`: nothing was asked for yet; `slow`: it takes longer than anybody would expect."""
        quick = wording.STARTING if starting else wording.ONE_MOMENT
        heading, sentence = wording.TAKES_LONGER if slow else quick
        self.say("hourglass", "attention" if slow else "action", heading, sentence)
