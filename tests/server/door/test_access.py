"""What a password that is looked at tells: never whether its name is known."""

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from server.door.access import _UNKNOWN_USER, hash_password


def test_an_unknown_names_password_is_hashed_as_a_known_ones() -> None:
    # A hash that argon2 can't read would be refused in microseconds.
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(_UNKNOWN_USER, "a password")
    assert extract_parameters(_UNKNOWN_USER) == extract_parameters(hash_password("a password"))
