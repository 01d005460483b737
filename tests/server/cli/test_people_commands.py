"""`inturn-hub user` and `device`, and the habits of every command."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import pytest

from core.entry import version
from server.cli.command_line import parser
from tests.support.clinic import PASSWORD, Clinic
from tests.support.command import inturn_hub
from tests.support.places import ROOT


@pytest.fixture
def on(clinic: Clinic) -> tuple[str, str]:
    return "--database-url", clinic.database_url


def test_every_program_tells_its_version() -> None:
    done = inturn_hub("--version")
    assert (done.returncode, done.stdout) == (0, f"inturn-hub {version()}\n")


def undescribed(command: argparse.ArgumentParser) -> list[str]:
    """The options and arguments of a command, and of its sub-commands, without a help."""
    found = []
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [name for child in action.choices.values() for name in undescribed(child)]
        elif not action.help:
            found.append(f"{command.prog} {action.option_strings or action.dest}")
    return found


def test_every_option_has_a_help() -> None:
    assert undescribed(parser()) == []


def test_a_list_ends_quietly_when_its_reader_has_read_enough(on: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "server", "device", "list", *on]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == b""
    assert listing.returncode == 0


def test_an_account_is_renamed_given_a_role_and_a_password(on: tuple[str, str], clinic: Clinic) -> None:
    assert (
        inturn_hub("user", "add", "İbrahim", "--role", "staff", *on, INTURN_PASSWORD=PASSWORD).returncode == 0
    )
    done = inturn_hub("user", "set", "i̇brahim", "--name", "Meyer", "--role", "admin", *on)
    assert (done.returncode, done.stderr) == (0, "The account Meyer was saved: admin, shown as Meyer.\n")
    done = inturn_hub("user", "password", "meyer", *on, INTURN_PASSWORD="another horse")
    assert "It has to be changed at the next sign-in." in done.stderr
    assert "Meyer\tadmin\tactive\tuser:4\tMeyer\n" in inturn_hub("user", "list", *on).stdout
    assert inturn_hub("user", "disable", "user:4", *on).stderr.startswith("The account Meyer is disabled")
    assert inturn_hub("user", "enable", "meyer", *on).returncode == 0
    assert clinic.rows("SELECT must_change_password, disabled_at FROM users WHERE id = 4") == [(True, None)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["user", "add", " ", "--role", "staff"], "The name can't be empty."),
        (
            ["user", "add", "x" * 65, "--role", "staff"],
            "The name is too long: 65 characters, and at most 64 are possible.",
        ),
        (["user", "add", "ADMIN", "--role", "staff"], "There is already an account with the name admin."),
        (
            ["user", "set", "staff", "--name", "Supervisor"],
            "There is already an account with the name supervisor.",
        ),
        (
            ["device", "add", "a\nb", "--role", "kiosk"],
            "The name can't have line breaks, tabs or other control characters.",
        ),
        (
            ["service", "add", "a b", "X"],
            "“a b” is no code: write up to 32 letters from A to Z, digits, - and _.",
        ),
        (["service", "add", "1", "X"], "“1” is no prefix: write one to three letters from A to Z."),
        (["service", "add", "D", "blood  TESTS"], "The service B has the name Blood tests already."),
        (["service", "add", "A2", "Nurse"], "The service A has the prefix A already."),
        (
            ["service", "close-on", "2001-01-01"],
            "2001-01-01 is past: only today and days to come can be closed.",
        ),
        (
            ["counter", "add", "R9", "counter 1", "--services", "A"],
            "The counter R1 has the name Counter 1 already.",
        ),
    ],
)
def test_what_is_wrong_or_taken_is_said_in_one_sentence(
    on: tuple[str, str], clinic: Clinic, words: list[str], sentence: str
) -> None:
    before = clinic.rows("SELECT config_revision, admin_revision FROM settings")
    done = inturn_hub(*words, *on, INTURN_PASSWORD=PASSWORD)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence + "\n")
    assert clinic.rows("SELECT config_revision, admin_revision FROM settings") == before


def test_an_unknown_icon_is_refused_with_those_that_exist(on: tuple[str, str]) -> None:
    done = inturn_hub("service", "set", "A", "--icon", "banana", *on)
    assert "There is no icon “banana”. Known: accessibility, activity," in done.stderr


def test_text_that_is_not_utf_8_is_refused(on: tuple[str, str]) -> None:
    name = os.fsdecode(b"M\xfcller")
    done = inturn_hub("service", "set", "A", "--name", name, *on)
    assert (done.returncode, done.stderr) == (1, "The name is not valid text: write it in UTF-8.\n")
