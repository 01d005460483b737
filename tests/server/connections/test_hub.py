"""A hub and its clients, over real sockets and a real PostgreSQL."""

import asyncio

import pytest

from core.client.hub_client import HubClient
from core.errors import (
    CounterBusy,
    CounterClosed,
    CounterTaken,
    Forbidden,
    InvalidParams,
    KeyConflict,
    NotConsulting,
    NotWaiting,
    QueueEmpty,
    TicketNotFound,
    Unauthenticated,
    UnknownService,
)
from core.wire.session import DeviceCredentials, PersonCredentials
from server.administration import people_and_devices
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until


async def test_every_client_shows_a_patient_who_joins_and_is_called(clinic: Clinic, hub: HubProcess) -> None:
    async with (
        HubClient(hub.url, clinic.kiosk) as kiosk,
        HubClient(hub.url, clinic.staff) as console,
        HubClient(hub.url, clinic.monitor) as monitor,
    ):
        ticket = await kiosk.join_queue("A")
        assert (ticket.number, ticket.position, ticket.status) == ("A001", 1, "waiting")
        called = await console.call_next_patient("R1")
        assert called.ticket is not None
        assert (called.ticket.id, called.ticket.counter) == (ticket.id, "R1")
        line = monitor.replica.lines.line("A")
        await until(lambda: [t.number for t in line.recent] == ["A001"])
        await console.complete(ticket.id)
        await until(lambda: line.revision == 3 and not line.consulting)


async def test_only_staff_get_the_patients_name(clinic: Clinic, hub: HubProcess) -> None:
    async with (
        HubClient(hub.url, clinic.staff) as console,
        HubClient(hub.url, clinic.monitor) as monitor,
    ):
        await console.join_queue("A", "high", "Amal Haddad")
        staff_line, public_line = console.replica.lines.line("A"), monitor.replica.lines.line("A")
        await until(lambda: staff_line.waiting and public_line.waiting)
        assert staff_line.waiting[0].patient_name == "Amal Haddad"
        assert public_line.waiting[0].patient_name is None
        assert b"Amal" not in bytes(await monitor.request_raw("queue.snapshot", {"service": "A"}))


async def test_a_call_completes_the_patient_before_in_one_change(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        first, second = await console.join_queue("A"), await console.join_queue("A")
        await console.call_next_patient("R1")
        with pytest.raises(CounterBusy):
            await console.call_next_patient("R1")
        called = await console.call_next_patient("R1", complete=first.id)
        assert called.ticket is not None
        assert called.ticket.id == second.id
        with pytest.raises(NotConsulting):
            await console.call_next_patient("R1", complete=first.id)
        last = await console.call_next_patient("R1", complete=second.id)
        assert last.ticket is None
        with pytest.raises(QueueEmpty):
            await console.call_next_patient("R1")


async def test_a_repeated_key_gets_the_first_answer_again(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        params = {"service": "A", "patient_name": "Bo Larsen", "key": "once"}
        first = await console.request("tickets.join", params)
        assert await console.request("tickets.join", params) == first
        with pytest.raises(KeyConflict, match="other parameters"):
            await console.request("tickets.join", params | {"service": "B"})
    assert clinic.rows("SELECT count(*) FROM tickets")[0][0] == 1
    assert clinic.rows("SELECT count(*) FROM requests WHERE result::text LIKE '%Larsen%'")[0][0] == 0


@pytest.mark.logs_expected
async def test_requests_of_other_roles_are_forbidden(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(hub.url, clinic.monitor) as monitor:
        with pytest.raises(Forbidden):
            await kiosk.call_next_patient("R1")
        with pytest.raises(Forbidden):
            await kiosk.join_queue("A", "high")
        with pytest.raises(Forbidden):
            await monitor.join_queue("A")


async def test_bad_requests_get_clear_errors(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        with pytest.raises(UnknownService, match="no service X"):
            await console.join_queue("X")
        with pytest.raises(InvalidParams) as wrong:
            await console.request("tickets.join", {"service": "A", "key": "k", "priority": "urgent"})
        assert wrong.value.data["path"] == "$.priority"


async def test_wrong_passwords_and_unknown_names_are_answered_alike(clinic: Clinic, hub: HubProcess) -> None:
    async def refusal(credentials: PersonCredentials | DeviceCredentials) -> str:
        client = HubClient(hub.url, credentials)
        client.start()
        with pytest.raises(Unauthenticated) as refused:
            await client.live()
        await client.aclose()
        return refused.value.message

    wrong = await refusal(PersonCredentials("staff", "wrong"))
    assert (
        wrong
        == (await refusal(PersonCredentials("nobody", "wrong")))
        == "That name and password don't match."
    )
    assert "not known" in (await refusal(DeviceCredentials("wrong")))


async def test_a_counter_held_by_another_person_is_taken(clinic: Clinic, hub: HubProcess) -> None:
    engine = clinic.engine()
    people_and_devices.add_user(engine, "second", "staff", "correct horse")
    engine.dispose()

    async with (
        HubClient(hub.url, clinic.staff) as console,
        HubClient(hub.url, PersonCredentials("second", "correct horse")) as other,
        HubClient(hub.url, clinic.supervisor) as supervisor,
    ):
        await console.open_counter("R1")
        await console.join_queue("A")
        with pytest.raises(CounterTaken, match="staff is working"):
            await other.call_next_patient("R1")
        assert (await supervisor.call_next_patient("R1")).ticket


async def test_a_revoked_device_is_disconnected(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        engine = clinic.engine()
        people_and_devices.revoke_device(engine, "Hall kiosk")
        engine.dispose()
        await until(lambda: kiosk.refusal is not None, what="the refusal")


async def test_a_request_that_reads_the_lists_hides_no_revocation(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(hub.url, clinic.staff) as console:
        engine = clinic.engine()
        people_and_devices.revoke_device(engine, "Hall kiosk")
        engine.dispose()
        await console.list_services()
        await console.open_counter("R1")
        await until(lambda: kiosk.refusal is not None, what="the refusal")


async def test_a_service_added_later_reaches_connected_clients(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        engine = clinic.engine()
        people_and_devices.add_service(engine, "V", "Vaccinations", None)
        engine.dispose()
        await until(lambda: "V" in [service.code for service in kiosk.replica.services])
        await kiosk.join_queue("V")
        await until(lambda: len(kiosk.replica.lines.line("V").waiting) == 1)


async def test_a_long_line_arrives_in_parts(clinic: Clinic, hub: HubProcess) -> None:
    clinic.rows("SELECT count(join_queue('user:1', 'k' || n, '', 'A')) FROM generate_series(1, 701) n")

    async with HubClient(hub.url, clinic.kiosk) as kiosk:
        line = kiosk.replica.lines.line("A")
        await until(lambda: len(line.waiting) == 701)
        assert [ticket.position for ticket in line.waiting] == list(range(1, 702))
        await kiosk.join_queue("A")
        await until(lambda: len(line.waiting) == 702)


async def test_events_of_other_database_clients_reach_clients(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.monitor) as monitor:
        await asyncio.to_thread(clinic.rows, "SELECT join_queue('user:1', 'k', '', 'A')")
        await until(lambda: monitor.replica.lines.line("A").revision == 1)


async def test_a_kiosk_cancels_only_tickets_that_it_issued(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(hub.url, clinic.staff) as console:
        own, others = await kiosk.join_queue("A"), await console.join_queue("A")
        assert (await kiosk.get_ticket(own.id)).estimated_wait is not None
        with pytest.raises(TicketNotFound):
            await kiosk.cancel(others.id)
        assert (await kiosk.cancel(own.id)).status == "cancelled"
        with pytest.raises(NotWaiting):
            await kiosk.cancel(own.id)
        assert (await console.get_ticket(others.id)).position == 1


async def test_a_patient_is_called_again_and_marked_missed(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.monitor) as monitor:
        ticket = await console.join_queue("A")
        await console.call_next_patient("R1")
        assert (await console.recall(ticket.id)).calls == 2
        assert (await console.no_show(ticket.id)).status == "no_show"
        with pytest.raises(NotConsulting):
            await console.recall(ticket.id)
        await until(lambda: [t.number for t in monitor.replica.lines.line("A").missed] == ["A001"])


async def test_a_counters_state_reaches_other_clients(clinic: Clinic, hub: HubProcess) -> None:
    async with (
        HubClient(hub.url, clinic.staff) as console,
        HubClient(hub.url, clinic.supervisor) as other,
    ):

        def seen() -> tuple[str, str | None]:
            counter = other.replica.counters[0]
            return counter.state, counter.held_by

        await console.open_counter("R1")
        await until(lambda: seen() == ("open", "staff"))
        await console.pause_counter("R1", "lunch")
        await until(lambda: seen() == ("paused", "staff"))
        await console.join_queue("A")
        with pytest.raises(CounterClosed):
            await console.call_next_patient("R1")
        await console.close_counter("R1")
        await until(lambda: seen() == ("closed", None))


async def test_request_keys_are_kept_for_a_week(clinic: Clinic) -> None:
    clinic.rows("SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 3) n")
    clinic.rows("UPDATE requests SET at = at - interval '8 days' WHERE key <> 'k3' RETURNING 1")
    hub = HubProcess(clinic.database_url)
    await until(lambda: clinic.rows("SELECT key FROM requests") == [("k3",)])
    assert hub.terminate() == 0
