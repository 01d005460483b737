"""Which account runs PostgreSQL's programs, and the order in which accounts are tried."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.postgres import accounts
from server.postgres.accounts import NOT_ROOT, Account, choose_account
from server.postgres.errors import CannotRunAsRoot

ROOTS_NAMESPACE = Account(prefix=NOT_ROOT)
OWN, POSTGRES, NOBODY = (Account(user=number, group=number) for number in (901, 902, 903))


@pytest.fixture
def existing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Account]:
    """The accounts of a computer on which this process is root and user namespaces work."""
    found = {"inturn": OWN, "postgres": POSTGRES, "nobody": NOBODY}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "_named", found.get)
    monkeypatch.setattr(accounts, "user_namespaces_work", lambda: True)
    return found


def test_an_ordinary_user_runs_postgresql_under_the_same_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert choose_account(tmp_path) == Account()


@pytest.mark.skipif(os.geteuid() != 0, reason="a folder of root's is needed")
def test_root_tries_the_accounts_in_order(
    tmp_path: Path, existing: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_account(tmp_path) == OWN
    del existing["inturn"]
    assert choose_account(tmp_path) == ROOTS_NAMESPACE
    monkeypatch.setattr(accounts, "user_namespaces_work", lambda: False)
    assert choose_account(tmp_path) == POSTGRES
    del existing["postgres"]
    assert choose_account(tmp_path) == NOBODY
    del existing["nobody"]
    with pytest.raises(CannotRunAsRoot, match="refuses to run as root"):
        choose_account(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="a folder of root's is needed")
def test_data_of_root_stay_with_root_if_user_namespaces_work(
    tmp_path: Path, existing: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    assert choose_account(tmp_path) == ROOTS_NAMESPACE
    monkeypatch.setattr(accounts, "user_namespaces_work", lambda: False)
    assert choose_account(tmp_path) == OWN


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("given", ["", "data"])
def test_root_runs_postgresql_as_the_owner_of_the_folder(
    tmp_path: Path, existing: dict[str, Account], given: str
) -> None:
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / given, 904, 905)
    assert choose_account(tmp_path) == Account(user=904, group=905)


def test_a_missing_account_is_skipped() -> None:
    assert accounts._named("no-such-account") is None
