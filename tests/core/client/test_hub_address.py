"""Hub addresses as typed: a single address, several separated by commas, or a malformed address."""

import pytest

from core.client.hub_address import checked_addresses
from core.errors import SetupError

LOCAL = "ws://127.0.0.1:8765/ws"
REMOTE = "wss://archive.clinic:8765/ws"


def test_several_addresses_stand_in_one_text() -> None:
    assert checked_addresses(LOCAL) == [LOCAL]
    assert checked_addresses(f" {LOCAL} ,{REMOTE},") == [LOCAL, REMOTE]
    assert checked_addresses([LOCAL, REMOTE]) == [LOCAL, REMOTE]
    assert checked_addresses(f"{REMOTE},{LOCAL},{REMOTE}") == [REMOTE, LOCAL]


@pytest.mark.parametrize("typed", ["", " , ", []])
def test_a_missing_address_is_reported(typed: str | list[str]) -> None:
    with pytest.raises(SetupError, match="address is missing"):
        checked_addresses(typed)


@pytest.mark.parametrize("typed", [f"{LOCAL},reception", f"{LOCAL};{REMOTE}", f"{LOCAL} {REMOTE}"])
def test_a_wrong_address_among_valid_addresses_is_reported(typed: str) -> None:
    with pytest.raises(SetupError, match="is not the address of a hub"):
        checked_addresses(typed)


@pytest.mark.logs_expected
def test_an_unencrypted_address_of_another_computer_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    checked_addresses(f"{LOCAL},ws://reception:8765/ws,{REMOTE}")
    assert [record.args for record in caplog.records] == [("ws://reception:8765/ws",)]
