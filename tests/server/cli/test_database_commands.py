"""`inturn-hub db backup` and `db restore`: what a person is asked and told, and the exit codes."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from server.cli import command_line
from tests.support.clinic import Clinic
from tests.support.command import inturn_hub

Typed: TypeAlias = Callable[..., tuple[int, str]]


class Terminal(io.StringIO):
    """A terminal on which a person has typed something."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def backup(clinic: Clinic, tmp_path: Path) -> Path:
    """A backup; then the clinic got a name, an account was disabled and five tickets joined."""
    file = tmp_path / "clinic.dump"
    done = inturn_hub("db", "backup", str(file), "--database-url", clinic.database_url)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"Backup written to {file}.\n" in done.stderr
    assert "saving public.tickets …\n" in done.stderr
    clinic.rows("UPDATE settings SET site_name = 'Praxis Müller' RETURNING 1")
    clinic.rows("UPDATE users SET disabled_at = now() WHERE username = 'staff' RETURNING 1")
    clinic.rows("SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 5) n")
    return file


@pytest.fixture
def at_terminal(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Runs a command of `db` for the clinic with what a person types; returns exit code and standard error."""

    def run(typed: str, *arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        monkeypatch.setattr(
            sys, "argv", ["inturn-hub", "db", *arguments, "--database-url", clinic.database_url]
        )
        code, output = command_line.main(), capsys.readouterr()
        assert output.out == ""
        return code, output.err

    return run


def tickets(clinic: Clinic) -> int:
    [(number,)] = clinic.rows("SELECT count(*) FROM tickets")
    return int(number)


def test_the_name_of_the_clinic_that_is_replaced_confirms(
    clinic: Clinic, backup: Path, at_terminal: Typed
) -> None:
    code, told = at_terminal("praxis  müller\n", "restore", str(backup))
    assert code == 0
    assert f"{backup} is a backup of Clinic, made 20" in told
    assert "The database of Praxis Müller is replaced (tickets: 5)." in told
    assert "Type the clinic's name, Praxis Müller, to restore: " in told
    assert told.count("The account staff stays disabled (--reactivate staff).") == 2
    [kept] = backup.parent.glob("before-restore-*.dump")
    assert f"What was replaced is kept in {kept}.\n" in told
    assert tickets(clinic) == 0


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "Clinic\n"])
def test_another_name_changes_nothing(clinic: Clinic, backup: Path, at_terminal: Typed, typed: str) -> None:
    code, told = at_terminal(typed, "restore", str(backup))
    assert (code, told.endswith("That is not the clinic's name. Nothing was changed.\n")) == (1, True)
    assert tickets(clinic) == 5
    assert list(backup.parent.glob("before-restore-*")) == []


def test_a_script_needs_yes(clinic: Clinic, backup: Path, tmp_path: Path) -> None:
    on = ("db", "restore", str(backup), "--data-dir", str(tmp_path / "new"))
    done = inturn_hub(*on)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Without a terminal a restore needs --yes. Nothing was changed." in done.stderr
    assert not (tmp_path / "new").exists()


def test_yes_asks_nothing_and_reactivate_keeps_an_account(clinic: Clinic, backup: Path) -> None:
    on = ("--database-url", clinic.database_url)
    done = inturn_hub("db", "restore", str(backup), "--yes", "--reactivate", "STAFF", *on)
    assert (done.returncode, done.stdout) == (0, "")
    assert "stays disabled" not in done.stderr
    assert "Type" not in done.stderr
    assert clinic.rows("SELECT 1 FROM users WHERE disabled_at IS NOT NULL") == []


def test_an_unknown_name_to_reactivate_changes_nothing(clinic: Clinic, backup: Path) -> None:
    on = ("--database-url", clinic.database_url)
    done = inturn_hub("db", "restore", str(backup), "--yes", "--reactivate", "admin", *on)
    assert done.returncode == 1
    assert "Nothing that would stay disabled or revoked is called admin. Nothing was changed." in done.stderr
    assert tickets(clinic) == 5


def test_a_file_is_not_overwritten_by_a_backup(clinic: Clinic, backup: Path) -> None:
    before = backup.read_bytes()
    done = inturn_hub("db", "backup", str(backup), "--database-url", clinic.database_url)
    assert done.returncode == 1
    assert f"There is a file {backup} already: give another name to the backup." in done.stderr
    assert backup.read_bytes() == before


@pytest.mark.long
def test_a_private_database_keeps_what_is_replaced_in_its_folder(tmp_path: Path) -> None:
    on = ("--data-dir", str(tmp_path / "hub"))
    assert inturn_hub("service", "add", "A", "Doctor", *on).returncode == 0
    assert inturn_hub("db", "backup", str(tmp_path / "b"), *on).returncode == 0
    assert inturn_hub("db", "restore", str(tmp_path / "b"), "--yes", *on).returncode == 0
    [kept] = (tmp_path / "hub" / "backups").iterdir()
    assert kept.name.startswith("before-restore-20")
    moved = ("--data-dir", str(tmp_path / "other computer"))
    assert inturn_hub("db", "restore", str(kept), "--yes", *moved).returncode == 0
    assert "A\tDoctor" in inturn_hub("service", "list", *moved).stdout
