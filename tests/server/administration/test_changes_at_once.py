"""What an administrator does on the command line reaches running hubs at once, not with their next look."""

from __future__ import annotations

from time import monotonic

import pytest
from sqlalchemy import Engine

from core.client.hub_client import HubClient
from core.wire.session import ConnectionState, Credentials, DeviceCredentials, PersonCredentials
from server.administration import clinic_settings, people_and_devices
from tests.support.clinic import PASSWORD, Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

AT_ONCE = 0.5
"""Seconds; a hub looks by itself once a second only."""
TIMES = 4


def newcomer(engine: Engine, kind: str, name: str) -> Credentials:
    """A new device or account, and how it comes in."""
    if kind == "device":
        return DeviceCredentials(people_and_devices.add_device(engine, name, "kiosk"))
    people_and_devices.add_user(engine, name, "staff", PASSWORD)
    return PersonCredentials(name, PASSWORD)


@pytest.mark.parametrize("kind", ["device", "user"])
async def test_who_is_revoked_is_sent_away_at_once(clinic: Clinic, hub: HubProcess, kind: str) -> None:
    engine = clinic.engine()
    revoke = people_and_devices.revoke_device if kind == "device" else people_and_devices.disable_user

    async def seconds_until_sent_away(name: str) -> float:
        async with HubClient(hub.url, newcomer(engine, kind, name)) as client:
            began = monotonic()
            revoke(engine, name)
            await until(lambda: client.state is not ConnectionState.LIVE)
            return monotonic() - began

    async with HubClient(hub.url, clinic.supervisor) as witness:
        seconds = [await seconds_until_sent_away(f"{kind} {number}") for number in range(TIMES)]
        assert witness.state is ConnectionState.LIVE
    assert max(seconds) < AT_ONCE, seconds
    engine.dispose()


async def test_what_is_set_is_seen_at_once(clinic: Clinic, hub: HubProcess) -> None:
    engine = clinic.engine()

    async def seconds_until_seen(desk: HubClient, name: str) -> float:
        began = monotonic()
        clinic_settings.set_service(engine, "A", {"name": name})
        await until(lambda: name in {service.name for service in desk.replica.services})
        return monotonic() - began

    async with HubClient(hub.url, clinic.staff) as desk:
        seconds = [await seconds_until_seen(desk, f"Doctor {number}") for number in range(TIMES)]
    assert max(seconds) < AT_ONCE, seconds
    engine.dispose()
