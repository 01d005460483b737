"""What was disabled or revoked since a backup does not come back by itself."""

from __future__ import annotations

import pytest

from core.errors import SetupError
from server.backups.credentials import (
    NO_CREDENTIALS,
    Account,
    Credentials,
    Device,
    Withheld,
    reactivated,
    same_name,
    withheld,
)

BACKUP = Credentials(
    [Account("meyer", True, "a"), Account("İbrahim", True, "b"), Account("gone", False, "c")],
    [Device("K1", "Door", True, "t1"), Device("K2", "Door", True, "t2"), Device("K3", "Hall", False, "t3")],
)
DOORS = Withheld(["meyer"], {"K1": "Door", "K2": "Door"}, [])


def test_nothing_is_withheld_from_the_same_database() -> None:
    assert withheld(BACKUP, BACKUP) == Withheld([], {}, [])


def test_everything_active_is_withheld_from_an_empty_database() -> None:
    found = withheld(BACKUP, NO_CREDENTIALS)
    assert (found.accounts, found.devices) == (["meyer", "İbrahim"], {"K1": "Door", "K2": "Door"})


def test_a_disabled_account_and_a_revoked_device_are_withheld() -> None:
    present = Credentials(
        [
            Account("meyer", False, "a"),
            Account("ibrahi\u0307m", True, "b"),
            Account("i\u0307BRAHIM", True, "b"),
        ],
        [Device("K1", "Door", False, "t1"), Device("K2", "Door", True, "t2")],
    )
    assert withheld(BACKUP, present) == Withheld(["meyer"], {"K1": "Door"}, [])


def test_the_token_of_before_a_new_pairing_is_withheld() -> None:
    present = Credentials(BACKUP.accounts, [Device("K1", "Door", True, "new"), *BACKUP.devices[1:]])
    assert withheld(BACKUP, present).devices == {"K1": "Door"}


def test_a_password_of_the_backup_is_named() -> None:
    present = Credentials([Account("MEYER", True, "new"), *BACKUP.accounts[1:]], BACKUP.devices)
    found = withheld(BACKUP, present)
    assert (found.accounts, found.old_passwords) == ([], ["meyer"])
    assert list(found.lines()) == ["The account meyer gets back its password of the backup."]


def test_a_username_a_code_and_a_name_reactivate() -> None:
    assert reactivated(DOORS, ["MEYER", "K2"]) == ({"meyer"}, {"K2"})
    assert reactivated(Withheld([], {"K1": "Door", "K2": "Hall"}, []), ["hall "]) == (set(), {"K2"})
    assert DOORS.without({"meyer"}, {"K2"}) == Withheld([], {"K1": "Door"}, [])


def test_a_code_goes_before_a_name() -> None:
    assert reactivated(Withheld([], {"Door": "Hall", "K1": "Door"}, []), ["Door"]) == (set(), {"Door"})


def test_an_ambiguous_and_an_unknown_name_are_refused() -> None:
    with pytest.raises(SetupError, match="Several devices are called Door: give one of the codes K1, K2"):
        reactivated(DOORS, ["Door"])
    with pytest.raises(SetupError, match="Nothing that would stay disabled or revoked is called nobody"):
        reactivated(DOORS, ["nobody"])


def test_names_are_the_same_without_regard_to_case_and_composition() -> None:
    assert same_name(" Praxis  MÜLLER\n", "praxis mu\u0308ller")
    assert not same_name("", "Clinic")
