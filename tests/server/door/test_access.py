"""The time that a password check takes never reveals whether its user name exists."""

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from server.door.access import _UNKNOWN_USER, hash_password


def test_a_password_for_an_unknown_name_costs_the_same_hash() -> None:
    # A hash that argon2 can't read would be refused in microseconds.
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(_UNKNOWN_USER, "a password")
    assert extract_parameters(_UNKNOWN_USER) == extract_parameters(hash_password("a password"))
