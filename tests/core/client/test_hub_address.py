"""Addresses as people type them: one, several with commas, or wrong."""

import pytest

from core.client.hub_address import checked_addresses
from core.errors import SetupError

ONE = "ws://127.0.0.1:8765/ws"
OTHER = "wss://archive.clinic:8765/ws"


def test_several_addresses_stand_in_one_text() -> None:
    assert checked_addresses(ONE) == [ONE]
    assert checked_addresses(f" {ONE} ,{OTHER},") == [ONE, OTHER]
    assert checked_addresses([ONE, OTHER]) == [ONE, OTHER]
    assert checked_addresses(f"{OTHER},{ONE},{OTHER}") == [OTHER, ONE]


@pytest.mark.parametrize("typed", ["", " , ", []])
def test_a_missing_address_is_told(typed: str | list[str]) -> None:
    with pytest.raises(SetupError, match="address is missing"):
        checked_addresses(typed)


@pytest.mark.parametrize("typed", [f"{ONE},reception", f"{ONE};{OTHER}", f"{ONE} {OTHER}"])
def test_a_wrong_one_among_good_ones_is_told(typed: str) -> None:
    with pytest.raises(SetupError, match="is not the address of a hub"):
        checked_addresses(typed)


@pytest.mark.logs_expected
def test_what_goes_unencrypted_beyond_this_computer_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    checked_addresses(f"{ONE},ws://reception:8765/ws,{OTHER}")
    assert [record.args for record in caplog.records] == [("ws://reception:8765/ws",)]
