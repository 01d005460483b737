"""`elsewhere` in the answer of hello: the other connections of a person, over real sockets."""

from __future__ import annotations

from core.client.hub_client import HubClient
from core.client.program import with_version
from core.line.tickets import SignedIn
from core.wire.session import PersonCredentials, SessionCredentials
from tests.support.clinic import PASSWORD, Clinic
from tests.support.hub_process import HubProcess

SUPERVISOR = PersonCredentials("supervisor", PASSWORD)


def elsewhere(client: HubClient) -> tuple[SignedIn, ...]:
    assert client.hello is not None
    return client.hello.elsewhere


async def test_a_second_sign_in_is_told_where_the_first_works(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff, client_name="inturn-admin") as first:
        await first.open_counter("R1")
        async with HubClient(hub.url, clinic.staff) as second:
            [there] = elsewhere(second)
        assert first.hello is not None
        assert (there.client, there.counter) == (with_version("inturn-admin"), "R1")
        assert there.since <= first.hello.time
        assert elsewhere(first) == ()


async def test_a_closed_counter_and_a_strange_program_are_not_told(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff, client_name="Amal Haddad") as first:
        await first.open_counter("R1")
        await first.close_counter("R1")
        async with HubClient(hub.url, clinic.staff) as second:
            [there] = elsewhere(second)
    assert (there.client, there.counter) == ("another program", None)


async def test_other_people_devices_and_the_same_session_are_not_elsewhere(
    clinic: Clinic, hub: HubProcess
) -> None:
    async with HubClient(hub.url, clinic.staff) as first, HubClient(hub.url, clinic.kiosk):
        assert first.hello is not None
        again = HubClient(hub.url, SessionCredentials(first.hello.session))
        async with again, HubClient(hub.url, SUPERVISOR) as other, HubClient(hub.url, clinic.kiosk) as kiosk:
            assert (elsewhere(again), elsewhere(other), elsewhere(kiosk)) == ((), (), ())


async def test_a_connection_that_ended_is_not_elsewhere(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff):
        pass
    async with HubClient(hub.url, clinic.staff) as later:
        assert elsewhere(later) == ()
