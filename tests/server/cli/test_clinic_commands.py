"""`inturn-hub service`, `counter`, `site` and `day`, called while the hub runs."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest

from core.client.hub_client import HubClient
from core.wire.session import PersonCredentials
from server.cli import command_line
from tests.support.clinic import PASSWORD, Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

FREE = "a counter is free 10 minutes after its holder left"
HubCommand = Callable[[str], tuple[int, str, str]]
"""Runs a command; returns its exit code, stdout and stderr."""

HOURS = "mon-fri 08:00-12:00 13:00-17:00; sat 09:00-12:00"


@pytest.fixture
def hub_command(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> HubCommand:
    def run_command(command: str) -> tuple[int, str, str]:
        words = [*shlex.split(command), "--database-url", clinic.database_url]
        monkeypatch.setattr(sys, "argv", ["inturn-hub", *words])
        code = command_line.main()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_command


def test_a_service_is_set_and_options_not_given_stay(hub_command: HubCommand, clinic: Clinic) -> None:
    options = "--head-start 20 --pace 8 --quota 40 --no-shows 3 --last-ticket 15"
    assert hub_command(f'service set A --name "See a nurse" {options} --hours "{HOURS}"') == (
        0,
        "",
        "The service A (See a nurse) was saved.\n",
    )
    assert hub_command("service set A --quota 50")[:2] == (0, "")
    columns = "name, head_start, configured_pace_seconds, daily_quota, no_shows, version"
    row = f"SELECT {columns} FROM services WHERE code = 'A'"
    assert clinic.rows(row) == [("See a nurse", timedelta(minutes=20), 480, 50, 3, 3)]
    code, listed, _ = hub_command("service list")
    assert code == 0
    assert f"\t{HOURS}, last ticket 15 min before the end\t" in listed
    assert "B\tBlood tests\topen\talways\t" in listed
    assert hub_command("service set A --head-start off --quota off --hours always --last-ticket 0")[0] == 0
    assert clinic.rows(row) == [("See a nurse", None, 480, None, 3, 4)]
    assert clinic.rows("SELECT count(*) FROM opening_hours") == [(0,)]
    events = clinic.rows("SELECT actor, details FROM admin_events WHERE kind = 'service_set' ORDER BY id")
    assert [(actor, details["changes"]["quota"]) for actor, details in events] == [
        ("command line", [None, 40]),
        ("command line", [40, 50]),
        ("command line", [50, None]),
    ]


def test_new_hours_keep_the_last_ticket(hub_command: HubCommand, clinic: Clinic) -> None:
    hub_command(f'service set A --hours "{HOURS}" --last-ticket 20')
    hub_command('service set A --hours "sun 10:00-12:00"')
    assert "sun 10:00-12:00, last ticket 20 min before the end" in hub_command("service list")[1]
    assert hub_command("service set A --last-ticket 0")[0] == 0
    assert "sun 10:00-12:00\t" in hub_command("service list")[1]


def test_a_service_is_closed_on_a_day_and_opened_again(hub_command: HubCommand, clinic: Clinic) -> None:
    for words in ("2099-12-24", "2099-12-24", "2099-12-31 B"):
        assert hub_command(f"service close-on {words}")[:2] == (0, "")
    listed = hub_command("service list")[1]
    assert listed.endswith("closed on 2099-12-24\tevery service\nclosed on 2099-12-31\tB\n")
    assert hub_command("service open-on 2099-12-24")[0] == 0
    assert "2099-12-24" not in hub_command("service list")[1]


def test_a_counter_is_set(hub_command: HubCommand, clinic: Clinic) -> None:
    assert hub_command('counter set R1 --name "Room 1" --services "C, A" --rule in_order')[0] == 0
    assert "R1\tRoom 1\topen\tC,A\tin_order\t\n" in hub_command("counter list")[1]
    assert hub_command("counter set R1 --rule best_rank")[0] == 0
    assert "R1\tRoom 1\topen\tC,A\tbest_rank\t\n" in hub_command("counter list")[1]


def test_the_site_gets_a_name_and_its_day(hub_command: HubCommand, clinic: Clinic) -> None:
    options = "--time-zone Europe/Berlin --day-starts 04:00 --day-closes 22:00 --languages de,en"
    code, out, told = hub_command(f"site Northgate {options}")
    assert (code, out) == (0, "")
    closes = r"The day closes next on \d{4}-\d\d-\d\d at 22:00 \(Europe/Berlin\)\. .* cancelled\."
    assert re.fullmatch(rf"The site Northgate was saved\. {closes}\n", told)
    assert hub_command("site Southgate") == (0, "", "The site Southgate was saved.\n")
    day = "the day starts 04:00 and closes 22:00"
    assert hub_command("site") == (0, f"Southgate\tEurope/Berlin\t{day}\t{FREE}\tde,en\n", "")
    stays = "No schedule closes the day: waiting patients stay until `inturn-hub day close`."
    told = f"The site Southgate was saved. {stays}\n"
    assert hub_command("site --day-closes never --day-starts 0:30") == (0, "", told)
    closed_by = "the day starts 00:30 and is closed by an administrator"
    assert hub_command("site")[1] == f"Southgate\tEurope/Berlin\t{closed_by}\t{FREE}\tde,en\n"


WRONG = [
    ("service set X --quota 3", "There is no service X."),
    ("service set A", "Say what to change: --name, --names, --prefix,"),
    ("service set A --quota many", "“many” is no number of tickets: write a whole number from 1 to"),
    ("service set A --quota 0", "“0” is no number of tickets"),
    ("service set A --pace 1.5", "“1.5” is no number of minutes"),
    ("service set A --head-start -5", "“-5” is no number of minutes"),
    ("service set A --no-shows ²", "“²” is no number of no-shows"),
    ("service set A --name ' '", "The name can't be empty."),
    ("service set A --hours 'sat 9-12'", "“9-12” in “sat 9-12” is no time: write it like 08:00-12:00."),
    ("service set A --last-ticket 15", "A service that is always open has no last ticket"),
    ("service set A --hours 'sat 09:00-09:30' --last-ticket 30", "No ticket could be issued"),
    ("service close-on 24.12.2026", "“24.12.2026” is no day: write it like 2026-12-24."),
    ("service close-on 2026-12-24 X", "There is no service X."),
    ("service open-on 2026-12-24 A", "2026-12-24 was not closed for A"),
    ("counter set R7 --name X", "There is no counter R7."),
    ("counter set R1", "Say what to change: --name, --names, --services,"),
    ("counter set R1 --services A,X", "There is no service X. Known: A, B, C."),
    ("counter set R1 --services A,A", "A service stands twice in that list"),
    ("counter set R1 --rule fifo", "“fifo” is no rule: write best_rank or in_order."),
    ("site --day-starts 25:00", "“25:00” is no time of day: write it like 04:00."),
    ("site --day-closes midnight", "“midnight” is no time of day"),
    ("site --time-zone Mars", "There is no time zone Mars. Write it like Europe/Berlin."),
    ("day close X", "There is no service X."),
]
"""(command, part of the sentence that refuses it)."""


def test_a_bad_value_is_refused_in_a_sentence_and_changes_nothing(
    hub_command: HubCommand, clinic: Clinic
) -> None:
    before = clinic.rows("SELECT config_revision, (SELECT max(id) FROM admin_events) FROM settings")
    for command, sentence in WRONG:
        code, printed, complaint = hub_command(command)
        assert (code, printed, complaint.count("\n")) == (1, "", 1), command
        assert sentence in complaint
    assert before == clinic.rows("SELECT config_revision, (SELECT max(id) FROM admin_events) FROM settings")


def test_a_head_start_cannot_change_while_patients_wait(hub_command: HubCommand, clinic: Clinic) -> None:
    clinic.rows("SELECT join_queue('user:1', 'k', '', 'A')")
    code, _, complaint = hub_command("service set A --head-start 20")
    assert (code, complaint.count("\n")) == (1, 1)
    assert "Change its head start when no patient waits." in complaint
    assert hub_command("service set A --name Doctor")[0] == 0


async def test_changes_and_the_close_of_the_day_reach_a_running_hub(
    clinic: Clinic, hub: HubProcess, hub_command: HubCommand
) -> None:
    async with (
        HubClient(hub.url, PersonCredentials("admin", PASSWORD)) as console,
        HubClient(hub.url, clinic.monitor) as wall,
    ):
        for _ in range(3):
            await console.join_queue("A")
        await console.call_next_patient("R1")
        hub_command('service set A --name "See a nurse" --quota 3')
        hub_command("counter set R2 --services C")
        # UTC by another name: the change of zone begins no new day at any hour.
        hub_command("site Northgate --time-zone Africa/Abidjan")
        await until(
            lambda: (wall.replica.services[0].name, wall.replica.services[0].state) == ("See a nurse", "full")
        )
        await until(lambda: wall.replica.counters[1].services == ("C",))
        expected = "2 tickets were cancelled. Consultations left open: A001 at R1.\n"
        assert hub_command("day close A") == (0, expected, "")
        assert hub_command("day close") == (0, expected.replace("2 tickets were", "0 tickets were"), "")
        line = wall.replica.lines.line("A")
        await until(lambda: (line.waiting_count, len(line.consulting)) == (0, 1))
    events = clinic.rows("SELECT DISTINCT actor FROM queue_events WHERE reason = 'day_closed'")
    assert events == [("command line",)]
