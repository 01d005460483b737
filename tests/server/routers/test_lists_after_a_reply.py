"""What a reply says is true of every list that is asked for after it on the same connection."""

from __future__ import annotations

from typing import Any

from core.client.hub_client import HubClient
from core.wire.results import ConfigChanged
from server.administration import clinic_settings
from tests.support.clinic import Clinic
from tests.support.clinic_clock import change
from tests.support.hub_process import HubProcess
from tests.support.waiting import until


async def listed(client: HubClient, kind: str, code: str) -> dict[str, Any]:
    """A service's or counter's entry in its list."""
    answer = await client.request(f"{kind}.list", {})
    return next(entry for entry in answer[kind] if entry["code"] == code)


async def test_the_counters_are_as_the_reply_said(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        for _ in range(20):
            joined = await console.join_queue("A")
            assert (await listed(console, "services", "A"))["waiting"] == 1
            called = (await console.call_next_patient("R1")).ticket
            assert called is not None
            counter = await listed(console, "counters", "R1")
            assert (counter["ticket"]["number"], counter["held_by"]) == (joined.number, "staff")
            await console.complete(called.id)
            assert (await listed(console, "counters", "R1"))["ticket"] is None


async def test_lists_asked_for_at_once_are_read_as_often_as_needed(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.supervisor) as other:
        for number in range(1, 6):
            await console.join_queue("A")
            assert (await listed(console, "services", "A"))["waiting"] == number
            await other.join_queue("B")
            assert (await listed(other, "services", "B"))["waiting"] == number


async def test_the_number_ahead_counts_all_lines_of_the_counters(clinic: Clinic, hub: HubProcess) -> None:
    clinic.rows("DELETE FROM counter_services WHERE counter_id = 2 RETURNING 1")
    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.kiosk) as kiosk:
        await until(lambda: len(console.replica.counters[1].services) == 0)
        for _ in range(8):
            await console.join_queue("A")
        ticket = await kiosk.join_queue("B")
        assert (ticket.position, ticket.ahead) == (1, 8)
        assert (await listed(kiosk, "services", "B"))["ahead"] == 9
        await until(lambda: kiosk.replica.services[1].ahead == 9)
        await console.call_next_patient("R1")
        assert (await kiosk.request("tickets.get", {"ticket": ticket.id}))["ticket"]["ahead"] == 7
        assert (await kiosk.join_queue("C")).ahead is None
        assert (await listed(kiosk, "services", "C"))["ahead"] is None
        await console.request("counters.pause", {"counter": "R1"}, keyed=True)
        assert (await kiosk.request("tickets.get", {"ticket": ticket.id}))["ticket"]["ahead"] is None


async def test_a_changed_site_reaches_a_client_that_was_behind(clinic: Clinic, hub: HubProcess) -> None:
    told: list[object] = []
    async with (
        HubClient(hub.url, clinic.monitor, on_change=told.append) as frozen,
        HubClient(hub.url, clinic.staff) as console,
    ):
        transport = frozen._connection.transport  # type: ignore[union-attr]
        transport.pause_reading()
        clinic.rows(
            "SELECT count(join_queue('user:1', 'k' || n, '', 'A', 'low')) FROM generate_series(1, 600) n"
        )
        await until(lambda: console.replica.lines.line("A").revision == 600)
        change(clinic, clinic_settings.set_site, {"name": "Northgate"})
        [(revision,)] = clinic.rows("SELECT config_revision FROM settings")
        await until(lambda: console.replica.services[0].waiting == 600)
        transport.resume_reading()
        await until(lambda: ConfigChanged(revision) in told)
