"""The output and the exit code of `inturn-hub`."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.clinic import PASSWORD, Clinic
from tests.support.command import inturn_hub
from tests.support.places import ROOT
from tests.support.waiting import WAIT_SECONDS


@contextmanager
def serving(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A hub process, which prints its address."""
    command = [sys.executable, "-m", "server", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def on(clinic: Clinic) -> tuple[str, str]:
    return "--database-url", clinic.database_url


def test_services_counters_and_users_are_added_listed_and_disabled(
    on: tuple[str, str], clinic: Clinic
) -> None:
    assert inturn_hub("service", "add", "V", "Vaccinations", *on).returncode == 0
    assert inturn_hub("counter", "add", "R9", "Counter 9", "--services", "V,A", *on).returncode == 0
    assert "R9\tCounter 9" in inturn_hub("counter", "list", *on).stdout
    added = inturn_hub("user", "add", "meyer", "--role", "staff", *on, INTURN_PASSWORD=PASSWORD)
    assert added.returncode == 0
    assert "meyer\tstaff\tactive\tuser:" in inturn_hub("user", "list", *on).stdout
    assert inturn_hub("user", "disable", "meyer", *on).returncode == 0
    assert "meyer\tstaff\tdisabled" in inturn_hub("user", "list", *on).stdout


def test_a_device_gets_a_token_or_a_code_and_can_be_revoked(on: tuple[str, str]) -> None:
    token = inturn_hub("device", "add", "Door", "--role", "kiosk", *on).stdout
    assert len(token.strip()) == 43
    code = inturn_hub("device", "pair", "--role", "monitor", *on).stdout.strip()
    assert len(code) == 7
    assert inturn_hub("device", "revoke", "Door", *on).returncode == 0
    assert "Door\tkiosk\trevoked\tdevice:" in inturn_hub("device", "list", *on).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["service", "add", "A", "Again"], "There is already a service with the code A (See a doctor)."),
        (["counter", "add", "R9", "X", "--services", "A,Q"], "There is no service Q. Known: A, B, C."),
        (["device", "revoke", "Nothing"], "There is no device Nothing."),
        (["user", "disable", "nobody"], "There is no user nobody."),
        (["db", "restore", "nothing.dump"], "There is no backup nothing.dump."),
        (["site", "Here", "--time-zone", "Mars"], "There is no time zone Mars."),
    ],
)
def test_bad_input_is_refused_in_a_sentence(on: tuple[str, str], arguments: list[str], sentence: str) -> None:
    done = inturn_hub(*arguments, *on)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_password_is_refused(on: tuple[str, str]) -> None:
    done = inturn_hub("user", "add", "meyer", "--role", "staff", *on)
    assert (done.returncode, done.stderr) == (1, "The password needs at least 8 characters.\n")


def test_the_exit_code_of_wrong_usage_is_2_and_of_an_unreachable_database_1() -> None:
    assert inturn_hub("user").returncode == 2
    done = inturn_hub("check", "integrity", "--database-url", "postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 1
    assert "can't be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", [["service", "list"], ["check", "audit"], ["user", "disable", "meyer"], ["db", "backup", "b"]]
)
def test_a_mistyped_data_directory_is_not_created(tmp_path: Path, command: list[str]) -> None:
    done = inturn_hub(*command, "--data-dir", str(tmp_path / "typo"))
    assert done.returncode == 1
    assert f"There is no InTurn database in {tmp_path / 'typo'}" in done.stderr
    assert not (tmp_path / "typo").exists()


def test_a_damaged_settings_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "inturn").mkdir()
    (tmp_path / "inturn" / "inturn.toml").write_text("port = [")
    done = inturn_hub("service", "list", XDG_CONFIG_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "inturn.toml is damaged" in done.stderr


def test_checks_pass_on_a_sound_database_and_find_violations(on: tuple[str, str], clinic: Clinic) -> None:
    clinic.rows("SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 5) n")
    for check in ("integrity", "replay", "audit"):
        done = inturn_hub("check", check, *on)
        assert (done.returncode, done.stdout) == (0, "No violation found.\n")
    clinic.rows(
        "UPDATE tickets SET position_in_queue = position_in_queue + 10 WHERE number = 'A005' RETURNING 1"
    )
    done = inturn_hub("check", "integrity", *on)
    assert done.returncode == 3
    assert "A: nobody stands in place 5" in done.stdout


def test_a_restore_brings_back_the_backed_up_rows(
    on: tuple[str, str], clinic: Clinic, tmp_path: Path
) -> None:
    clinic.rows("SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 5) n")
    epoch = clinic.rows("SELECT epoch FROM settings")
    assert inturn_hub("db", "backup", str(tmp_path / "b"), *on).returncode == 0
    clinic.rows("SELECT join_queue('user:1', 'after', '', 'A')")
    assert inturn_hub("db", "restore", str(tmp_path / "b"), "--yes", *on).returncode == 0
    assert clinic.rows("SELECT count(*) FROM tickets") == [(5,)]
    assert clinic.rows("SELECT epoch FROM settings") != epoch


@pytest.mark.long
def test_races_on_a_scratch_database_find_nothing(on: tuple[str, str]) -> None:
    done = inturn_hub("check", "races", "--clients", "16", "--tickets", "160", *on)
    print(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No violation found." in done.stdout


def test_a_hub_serves_from_a_data_directory_and_stops_in_order(tmp_path: Path) -> None:
    data = str(tmp_path / "data of ours")
    with serving("--data-dir", data) as hub:
        assert hub.stdout is not None
        assert hub.stdout.readline().startswith("listening on ws://127.0.0.1:")
        assert inturn_hub("service", "add", "A", "See a doctor", "--data-dir", data).returncode == 0
        hub.send_signal(signal.SIGTERM)
        _, log = hub.communicate(timeout=WAIT_SECONDS)
    assert hub.returncode == 0
    assert "Notification service started" in log
    assert "Notification service stopped" in log
    assert "See a doctor" in inturn_hub("service", "list", "--data-dir", data).stdout


def test_a_taken_port_is_reported_in_a_sentence(on: tuple[str, str]) -> None:
    with serving(*on) as first:
        assert first.stdout is not None
        port = first.stdout.readline().strip().rpartition(":")[2].removesuffix("/ws")
        second = inturn_hub("serve", "--port", port, *on)
    assert second.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in second.stderr
