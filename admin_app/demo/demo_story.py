"""The tour's story: the steps, each with its input to the real windows and its checks of their texts.

A step raises `NotSeen` if a window does not show the expected text in time. `demo_day` always issues the same tickets
before the story starts, so the steps know every number and every order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from admin_app.demo import demo_day, demo_hands
from admin_app.demo.demo_hands import (
    NotSeen,
    press,
    time_each,
    touch,
    type_words,
    usable,
    wait_for,
    widget,
    words_of,
)
from admin_app.demo.demo_pictures import Album
from admin_app.demo.demo_stage import Stage
from core import wording
from core.line.tickets import Snapshot

HERE, THERE = "Counter 1", "Counter 2"
TOUCHED, URGENT, OWED = "A005", "A006", "A007"
URGENT_NAME = "Amal Haddad"
LONGEST_WAIT = 30.0
"""Seconds within which a window must show a change. A busy computer needs far less; the steps report the true times."""
SETTLE_SECONDS = 0.15
"""Pause before a screenshot: a new sentence can move other widgets one frame later."""

Step = Callable[["Story"], Awaitable[str]]


class Story:
    """One run of the story. Each step returns the sentence that the tour prints; it raises NotSeen if a check fails."""

    def __init__(self, stage: Stage, album: Album) -> None:
        self._stage, self._album = stage, album
        self.kiosk, self.monitor, self.console = stage.kiosk, stage.monitor, stage.console
        self._before: Snapshot | None = None

    # --- patients and staff ---

    async def patients_see_who_is_ahead(self) -> str:
        await self._expect(
            self.kiosk,
            "See a doctor. 7 people ahead",
            "Blood tests. 7 people ahead",
            "Pharmacy. 7 people ahead",
        )
        await self._expect(
            self.monitor, wording.announcement("B002", THERE), wording.announcement("P002", THERE)
        )
        await self._picture("kiosk", "welcome")
        await self._picture("monitor", "morning")
        return "the kiosk shows three services, the wall who was called last"

    async def a_patient_takes_a_number(self) -> str:
        await asyncio.sleep(demo_hands.REACTION_SECONDS)
        touch(await usable(self.kiosk, "See a doctor"))
        await self._expect(self.kiosk, wording.YOUR_NUMBER, wording.spoken_number(TOUCHED), "7 people ahead")
        await self._picture("kiosk", "ticket")
        touch(await usable(self.kiosk, wording.DONE))
        await self._expect(self.kiosk, "See a doctor. 8 people ahead")
        return f"number {TOUCHED}, 7 people ahead in all three lines; after Done the next patient is told 8"

    async def a_wrong_password_is_refused(self) -> str:
        await demo_hands.sign_in(self.console, self._stage.user, "not my password")
        await self._expect(self.console, "don't match")
        await self._picture("console", "wrong-password")
        return "the console says what to do"

    async def staff_sign_in(self) -> str:
        await demo_hands.sign_in(self.console, self._stage.user, self._stage.password)
        await self._expect(self.console, f"Signed in as {self._stage.user}", HERE, THERE)
        await self._picture("console", "counters")
        touch(await usable(self.console, "counter_1"))
        await self._expect(self.console, "Nobody is with you", f"{TOUCHED} ", "Next is A001")
        await usable(self.console, "call_next")
        await self._picture("console", "line")
        return f"by name and password; {HERE} is theirs and shows the line"

    async def an_urgent_patient_comes_to_staff(self) -> str:
        touch(widget(self.console, "issue_ticket"))
        type_words(await usable(self.console, "Service"), "See a doctor")
        type_words(widget(self.console, "Priority"), "High")
        type_words(widget(self.console, "Name"), URGENT_NAME)
        await self._picture("console", "issue-a-ticket")
        touch(await usable(self.console, "Issue"))
        await self._expect(
            self.console, f"{URGENT} is issued", f"1 {URGENT} {URGENT_NAME}", f"Next is {URGENT}"
        )
        await self._expect(self.kiosk, "See a doctor. 9 people ahead")
        touch(widget(self.console, "Close"))
        return f"number {URGENT} with high priority is first in the line at once"

    async def staff_call_the_next(self) -> str:
        seconds = await self._press_and_see(Qt.Key.Key_F2, URGENT, f"With you now: {URGENT}", "Next is A001")
        await self._picture("console", "called")
        await self._picture("monitor", "called")
        return f"F2: {URGENT} to {HERE}, on the wall after {seconds:.2f} s"

    async def staff_recall(self) -> str:
        await asyncio.sleep(demo_hands.REACTION_SECONDS)
        await self._press_and_see(Qt.Key.Key_F3, URGENT, "called twice")
        return f"F3: {URGENT} is called again"

    async def staff_complete_and_call_next(self) -> str:
        seconds = await self._press_and_see(Qt.Key.Key_F2, "A001", f"{URGENT} completed, A001 called")
        await self._expect(self.monitor, wording.announcement(URGENT, HERE))
        return f"F2: {URGENT} completed and A001 called in one go, on the wall after {seconds:.2f} s"

    async def a_patient_does_not_come(self) -> str:
        await self._press(Qt.Key.Key_F7, "no_show")
        await self._expect(self.console, "A001 is marked as no-show", "Nobody is with you", "Missed 1")
        await self._expect(self.monitor, "Missed: A001")
        return "F7: A001 is a no-show, on the list of the missed"

    async def the_colleague_calls(self) -> str:
        counters = await self._stage.colleague.list_counters()
        here = next(c.ticket for c in counters if c.code == demo_day.COLLEAGUES_COUNTER)
        await self._stage.colleague.call_next_patient(demo_day.COLLEAGUES_COUNTER, here.id if here else None)
        await self._expect(self.monitor, wording.announcement("B003", THERE))
        return f"B003 to {THERE}: the wall and the console follow"

    async def staff_complete(self) -> str:
        await self._press_and_see(Qt.Key.Key_F2, "A002", "With you now: A002", "Chen Wei")
        await self._press(Qt.Key.Key_F6, "complete")
        await self._expect(self.console, "A002 is completed", "Nobody is with you")
        await self._press_and_see(Qt.Key.Key_F2, "A003", "With you now: A003")
        await self._picture("monitor", "busy")
        return "F6: A002 completed; F2: A003 called"

    # --- the hub is killed and restarted ---

    async def the_hub_is_killed(self) -> str:
        self._before = await self._stage.reception.snapshot("A")
        await asyncio.sleep(demo_hands.REACTION_SECONDS)
        card = await usable(self.kiosk, "See a doctor")
        killed = monotonic()
        self._stage.hub.kill()
        touch(card)
        seen = await time_each(
            {
                "kiosk": lambda: wording.OFFLINE_OWED[1] in words_of(self.kiosk),
                "monitor": lambda: "Not up to date since" in words_of(self.monitor),
                "console": lambda: "Hub lost" in words_of(self.console),
            },
            killed,
            LONGEST_WAIT,
        )
        for kind in seen:
            await self._picture(kind, "hub-lost")
        return f"by SIGKILL, as a patient touches “See a doctor”; {_times(seen)} said so"

    async def the_hub_comes_back(self) -> str:
        await self._stage.hub.start()
        back = self._stage.hub.listened_at
        seen = await time_each(
            {
                "kiosk": lambda: wording.spoken_number(OWED) in words_of(self.kiosk),
                "monitor": self._monitor_is_current,
                "console": self._console_is_current,
            },
            back,
            LONGEST_WAIT,
        )
        for kind in seen:
            await self._picture(kind, "hub-back")
        up = back - self._stage.hub.started_at
        return f"on the same port and data, up after {up:.1f} s; {_times(seen)} was live and right again"

    async def nothing_is_lost_or_doubled(self) -> str:
        before, after = self._before, await self._stage.reception.snapshot("A")
        if before is None or after.revision != before.revision + 1:
            raise NotSeen("the line did not change by exactly the one ticket of the touch")
        if [ticket.number for ticket in after.waiting] != ["A004", TOUCHED, OWED]:
            raise NotSeen(f"the line is {[t.number for t in after.waiting]}")
        for service in ("A", "B", "P"):
            if not (await self._stage.reception.validate_queue_integrity(service)).sound:
                raise NotSeen(f"the places in the line of {service} have gaps or doubles")
        return f"the patient who touched in that moment has {OWED}, once; every place in every line is sound"

    async def work_goes_on(self) -> str:
        touch(await usable(self.kiosk, wording.DONE))
        await self._press_and_see(Qt.Key.Key_F2, "P003", "A003 completed, P003 called", "With you now: P003")
        await self._expect(self.kiosk, "See a doctor. 4 people ahead", "Pharmacy. 4 people ahead")
        await self._picture("console", "end")
        await self._picture("monitor", "end")
        await self._picture("kiosk", "end")
        return "F2: P003 is called; the kiosk, the wall and the console agree"

    STEPS: tuple[tuple[str, Step], ...] = (
        ("Patients see who is ahead", patients_see_who_is_ahead),
        ("A patient takes a number", a_patient_takes_a_number),
        ("A wrong password", a_wrong_password_is_refused),
        ("Staff sign in", staff_sign_in),
        ("An urgent patient comes to staff", an_urgent_patient_comes_to_staff),
        ("Staff call the next", staff_call_the_next),
        ("Staff recall", staff_recall),
        ("Staff complete and call next", staff_complete_and_call_next),
        ("A patient does not come", a_patient_does_not_come),
        ("The colleague calls", the_colleague_calls),
        ("Staff complete", staff_complete),
        ("The hub is killed", the_hub_is_killed),
        ("The hub comes back", the_hub_comes_back),
        ("Nothing is lost or doubled", nothing_is_lost_or_doubled),
        ("Work goes on", work_goes_on),
    )

    # --- input and checks ---

    async def _expect(self, window: QWidget, *sentences: str) -> None:
        for sentence in sentences:
            await wait_for(
                f"{window.windowTitle()} does not say “{sentence}”",
                lambda sentence=sentence: sentence in words_of(window),  # type: ignore[misc]
                LONGEST_WAIT,
            )

    async def _press(self, key: Qt.Key, button: str) -> None:
        await usable(self.console, button)
        await press(self.console, key)

    async def _press_and_see(self, key: Qt.Key, number: str, *console_says: str) -> float:
        """Presses F2 or F3 and waits until the wall announces `number` at the user's counter.

        Returns the seconds from the key press to the announcement.
        """
        await self._press(key, "call_next" if key is Qt.Key.Key_F2 else "recall")
        pressed = monotonic()
        await self._expect(self.monitor, wording.announcement(number, HERE))
        seconds = monotonic() - pressed
        await self._expect(self.console, *console_says)
        return seconds

    def _monitor_is_current(self) -> bool:
        words = words_of(self.monitor)
        return "Not up to date" not in words and OWED in words and wording.announcement("A003", HERE) in words

    def _console_is_current(self) -> bool:
        words = words_of(self.console)
        return "Live" in words and "With you now: A003" in words and f"{OWED} " in words

    async def _picture(self, kind: str, what: str) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        self._album.take(kind, self._stage.windows[kind], what)


def _times(seen: dict[str, float]) -> str:
    return ", ".join(f"the {kind} after {seconds:.2f} s" for kind, seconds in seen.items())
