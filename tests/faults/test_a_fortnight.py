"""A fortnight of a small clinic: people act as people do, while settings, hubs, clocks and databases change under them.

Nurses, a supervisor, kiosks and a wall work all the time. Meanwhile windows are closed, accounts disabled, clocks set,
hubs restarted, settings changed and a backup restored; each night the clocks go on by a day.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from core.wire.client_timings import ClientTimings
from server.administration import clinic_settings, people_and_devices
from server.backups.recorded_backup import back_up
from server.timings import Timings
from tests.faults.test_clocks import HOUR, zone_at_noon
from tests.support.backups import restore_file
from tests.support.faults.crowd_process import CrowdProcess
from tests.support.faults.jumping_clocks import ORDERED_BY_TIME, JumpingHub
from tests.support.faults.trial import Trial
from tests.support.proof_size import proof_size
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.long, pytest.mark.logs_expected]

DAYS = proof_size(2, 14)
ACTS_A_DAY = proof_size(4, 8)
PEOPLE = 3
"""Two nurses and a supervisor."""
SETTINGS = (
    {"day_closes": "00:01"},
    {"day_closes": "23:59"},
    {"day_closes": "off"},
    {"counter_free_after": "1"},
)
EVENTS_WITHOUT_A_REQUEST = """
    SELECT DISTINCT e.actor, e.kind, e.reason FROM queue_events e
    WHERE NOT EXISTS (SELECT FROM requests r WHERE r.xmin::text = e.xmin::text)
        AND NOT (e.actor = 'schedule' AND (e.reason = 'clock' OR (e.kind, e.reason) = ('cancelled', 'day_closed')))
"""
ENDED_BY_NOBODY = """
    SELECT t.number, t.status FROM tickets t WHERE t.status IN ('completed', 'no_show', 'cancelled') AND NOT EXISTS (
        SELECT FROM queue_events e WHERE e.ticket_id = t.id AND e.kind IN (t.status, 'undone')
            AND (e.actor ~ '^(user|device):' OR e.reason = 'day_closed'))
"""
HELD = """
    SELECT code FROM counters c WHERE held_by IS NOT NULL
        AND NOT EXISTS (SELECT FROM tickets WHERE counter_id = c.id AND status = 'consulting')
"""


class Fortnight:
    """A clinic whose days pass; each public method but `wrong` and `rows` is an act."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._day = 0
        clinic_settings.set_site(trial.engine, {"time_zone": zone_at_noon()})
        trial.timings = ClientTimings(ping=0.5, stall=1.0, tick=0.1, silence=5.0)
        self._hub = JumpingHub(trial.url, trial.engine, Timings(silence=5.0, presence=0.05, day=0.1))
        trial.hubs.append(self._hub)
        trial.admit([trial.device(role) for role in ("kiosk", "kiosk", "monitor")], [self._hub.url])
        self._windows = [self._sit_down(number) for number in range(PEOPLE)]

    def close_a_window(self) -> None:
        """A person closes the window amid work, and opens another one later."""
        number = self._trial.random.randrange(PEOPLE)
        self._close(number)
        self._trial.random_pause(0.3)
        self._windows[number] = self._sit_down(number)

    def disable_an_account(self) -> None:
        """A person leaves the clinic: the counter is free, or a colleague may take it; later the person is back."""
        number = self._trial.random.randrange(PEOPLE)
        self._close(number)
        people_and_devices.disable_user(self._trial.engine, f"worker {number + 1}")
        wait_until(lambda: f"D{number + 1}" not in self.rows(HELD), "the counter to be free")
        people_and_devices.enable_user(self._trial.engine, f"worker {number + 1}")
        self._windows[number] = self._sit_down(number)

    def set_the_clocks(self) -> None:
        """The clocks are wrong for a while."""
        self._hub.jump(self._day + self._trial.random.choice((-2, 2)) * HOUR)
        self._trial.wait_for_all_clients()
        self._hub.jump(self._day)

    def restart_the_hub(self) -> None:
        """The hub is killed and started again."""
        self._trial.kill_hub(self._hub)

    def change_a_setting(self) -> None:
        """An administrator changes the clinic; nothing may happen to those who wait."""
        clinic_settings.set_site(self._trial.engine, self._trial.random.choice(SETTINGS))

    def restore_a_backup(self) -> None:
        """The database is backed up and restored while all rest; sessions end, so the people sign in again."""
        assert self._trial.sentences("rest", 60) == []
        for number in range(PEOPLE):
            self._close(number)
        self._hub.kill()
        file = self._trial.folder / f"day {self._day}.dump"
        back_up(self._trial.engine, file, "user:1")
        restore_file(self._trial.engine, file)
        self._hub.install_clock()
        self._trial.restart_hub(self._hub)
        self._trial.ask_all("work")
        self._windows = [self._sit_down(number) for number in range(PEOPLE)]

    def pass_the_night(self) -> None:
        """The next day comes."""
        self._day += 24 * int(HOUR)
        self._hub.jump(self._day)

    def wrong(self) -> dict[str, Any]:
        """Findings by kind; empty when nothing is wrong."""
        wrong = self._trial.verdict()
        for what in (*ORDERED_BY_TIME, "changes without a request"):
            wrong.pop(what, None)
        wrong["changed by nobody"] = self.rows(EVENTS_WITHOUT_A_REQUEST)
        wrong["ended by nobody"] = self.rows(ENDED_BY_NOBODY)
        return {what: found for what, found in wrong.items() if found}

    def go_home(self) -> None:
        """All people close their windows for good."""
        for number in range(PEOPLE):
            self._close(number)

    def rows(self, query: str) -> list[Any]:
        """The rows of a query; of a single column its values."""
        with self._trial.engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(text(query))]
        return [row[0] if len(row) == 1 else row for row in found]

    def _sit_down(self, number: int) -> CrowdProcess:
        role = self._trial.person(number, f"D{number + 1}", supervises=number == PEOPLE - 1)
        return self._trial.admit([role], [self._hub.url])

    def _close(self, number: int) -> None:
        self._trial.dismiss(self._windows[number])


ACTS = (
    Fortnight.close_a_window,
    Fortnight.disable_an_account,
    Fortnight.set_the_clocks,
    Fortnight.restart_the_hub,
    Fortnight.change_a_setting,
)


def test_no_patient_disappears_in_a_fortnight_and_no_counter_stays_taken(
    new_trial: Callable[..., Trial],
) -> None:
    trial = new_trial()
    fortnight = Fortnight(trial)
    for day in range(DAYS):
        for act in trial.random.choices(ACTS, k=ACTS_A_DAY):
            act(fortnight)
            trial.wait_for_all_clients()
            assert fortnight.wrong() == {}, f"day {day}, {act.__name__}"
        if day % 7 == DAYS // 2 % 7:
            fortnight.restore_a_backup()
        fortnight.pass_the_night()
        trial.wait_for_all_clients()
        assert fortnight.wrong() == {}, f"the night after day {day}"
    with trial.engine.begin() as connection:
        connection.execute(text("UPDATE settings SET counter_free_after = '1 second'"))
    fortnight.go_home()
    wait_until(lambda: fortnight.rows(HELD) == [], "every counter without a patient to be free")
