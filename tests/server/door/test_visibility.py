"""The view of each role."""

from __future__ import annotations

import pytest

from core.roles import DEVICE_ROLES, PERSON_ROLES
from server.door.visibility import view_of


@pytest.mark.parametrize("role", [*DEVICE_ROLES, "", "auditor", "Staff"])
def test_a_device_and_an_unknown_role_get_the_view_without_names(role: str) -> None:
    assert view_of(role) == "public"


@pytest.mark.parametrize("role", PERSON_ROLES)
def test_people_get_the_staff_view(role: str) -> None:
    assert view_of(role) == "staff"
