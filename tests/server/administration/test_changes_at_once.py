"""Changes on the command line reach running hubs at once, not with their next poll."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from core.client.hub_client import HubClient
from core.wire.session import ConnectionState, Credentials, DeviceCredentials, PersonCredentials
from server.administration import clinic_settings, people_and_devices
from server.timings import Timings
from tests.support.clinic import PASSWORD, Clinic
from tests.support.hub_process import HubProcess, hub_on
from tests.support.waiting import until

NO_POLLS = Timings(changes=3600, admission=3600)
"""Timings with which the hub does not poll: it learns changes from notifications alone."""
TIMES = 4


@pytest.fixture
def hub(clinic: Clinic) -> Iterator[HubProcess]:
    with hub_on(clinic.database_url, timings=NO_POLLS) as started:
        yield started


def newcomer(engine: Engine, kind: str, name: str) -> Credentials:
    """Creates a device or an account, and returns its credentials."""
    if kind == "device":
        return DeviceCredentials(people_and_devices.add_device(engine, name, "kiosk"))
    people_and_devices.add_user(engine, name, "staff", PASSWORD)
    return PersonCredentials(name, PASSWORD)


@pytest.mark.parametrize("kind", ["device", "user"])
async def test_a_revoked_client_is_disconnected_at_once(clinic: Clinic, hub: HubProcess, kind: str) -> None:
    engine = clinic.engine()
    revoke = people_and_devices.revoke_device if kind == "device" else people_and_devices.disable_user

    async def is_disconnected(name: str) -> None:
        async with HubClient(hub.url, newcomer(engine, kind, name)) as client:
            revoke(engine, name)
            await until(lambda: client.state is not ConnectionState.LIVE)

    async with HubClient(hub.url, clinic.supervisor) as witness:
        for number in range(TIMES):
            await is_disconnected(f"{kind} {number}")
        assert witness.state is ConnectionState.LIVE
    engine.dispose()


async def test_a_changed_setting_reaches_clients_at_once(clinic: Clinic, hub: HubProcess) -> None:
    engine = clinic.engine()

    async with HubClient(hub.url, clinic.staff) as desk:
        for name in (f"Doctor {number}" for number in range(TIMES)):
            clinic_settings.set_service(engine, "A", {"name": name})
            await until(lambda name=name: name in {service.name for service in desk.replica.services})  # type: ignore[misc]
    engine.dispose()
