"""Pairing codes: for one kind of device, spent only when the token can be stored, and harmless after a reboot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.client.hub_client import HubClient
from core.client.hub_connection import pair
from core.errors import SetupError, WrongRole
from core.wire.session import PersonCredentials
from kiosk_app import command_line
from kiosk_app.shared.device_token import require_room
from server.administration import people_and_devices
from tests.support.clinic import PASSWORD, Clinic
from tests.support.clinic_clock import change
from tests.support.hub_process import HubProcess

ADMIN = PersonCredentials("admin", PASSWORD)


async def test_a_code_of_the_other_role_is_refused_and_not_spent(clinic: Clinic, hub: HubProcess) -> None:
    code = change(clinic, people_and_devices.pair_device, "kiosk", None)
    with pytest.raises(WrongRole, match=r"^This code is for a kiosk\.$"):
        await pair(hub.url, code, "inturn-monitor", role="monitor")
    async with HubClient(hub.url, await pair(hub.url, code, "inturn-kiosk", role="kiosk")) as kiosk:
        assert kiosk.hello is not None
        assert kiosk.hello.role == "kiosk"


async def test_a_code_made_at_the_console_is_the_same_when_asked_again(
    clinic: Clinic, hub: HubProcess
) -> None:
    async with HubClient(hub.url, ADMIN) as admin:
        params = {"role": "monitor", "name": "Hall wall", "key": "once"}
        first = await admin.request("devices.pair", params)
        assert await admin.request("devices.pair", params) == first
    await pair(hub.url, first["code"], "inturn-monitor", role="monitor")
    assert clinic.rows("SELECT count(*) FROM devices WHERE name = 'Hall wall'") == [(1,)]


def test_the_same_command_line_works_after_a_reboot(
    clinic: Clinic, hub: HubProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command_line, "token_file", lambda role: tmp_path / f"{role}.token")
    code = change(clinic, people_and_devices.pair_device, "kiosk", None)
    first = command_line._paired("kiosk", [hub.url], "", code)
    assert command_line._paired("kiosk", [hub.url], "", code) == first
    with pytest.raises(Exception, match="wrong, used or too old"):
        command_line._paired("monitor", [hub.url], "", code)


def test_a_code_is_not_spent_where_no_token_can_be_stored(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="The code was not used"):
        require_room(tmp_path / "file" / "kiosk.token")


def revoked(clinic: Clinic, name: str) -> dict[str, Any]:
    found: dict[str, Any] = change(clinic, people_and_devices.revoke_device, name)
    return found


def test_a_device_is_revoked_by_its_code_or_by_a_name_of_its_own(clinic: Clinic) -> None:
    for _ in range(2):
        change(clinic, people_and_devices.add_device, "Door", "kiosk")
    with pytest.raises(Exception, match=r"2 devices have that name\. Give the code of one: door, door-2"):
        revoked(clinic, "DOOR")
    assert revoked(clinic, "door-2")["state"] == "revoked"
    assert revoked(clinic, " Door ")["code"] == "door"
    assert clinic.rows("SELECT count(*) FROM devices WHERE revoked_at IS NULL") == [(2,)]
