"""Whose patient: who may act on a patient at a counter. Every act, by every person, at every kind of counter."""

from __future__ import annotations

import pytest

from core.client.hub_client import HubClient
from core.errors import CounterTaken, HubError
from core.wire.session import PersonCredentials
from server.administration import people_and_devices
from tests.support.clinic import PASSWORD, Clinic
from tests.support.hub_process import HubProcess

ACTS: dict[str, dict[str, str]] = {
    "queue.recall": {},
    "queue.complete": {},
    "queue.no_show": {},
    "queue.park": {},
    "queue.transfer": {"service": "B", "place": "last"},
}
"""Method -> its parameters beside the ticket."""
COLLEAGUE = PersonCredentials("colleague", PASSWORD)


@pytest.fixture
def clinic(clinic: Clinic) -> Clinic:
    engine = clinic.engine()
    people_and_devices.add_user(engine, "colleague", "staff", PASSWORD)
    engine.dispose()
    return clinic


@pytest.mark.parametrize("method", ACTS)
async def test_a_patient_is_the_holders_and_supervisors(clinic: Clinic, hub: HubProcess, method: str) -> None:
    async with (
        HubClient(hub.url, clinic.staff) as holder,
        HubClient(hub.url, COLLEAGUE) as colleague,
        HubClient(hub.url, clinic.supervisor) as supervisor,
    ):
        for person, allowed in ((colleague, False), (holder, True), (supervisor, True)):
            ticket = await holder.join_queue("A")
            await holder.call_patient(ticket.id, "R1")
            params = {"ticket": ticket.id, **ACTS[method]}
            if allowed:
                await person.request(method, params, keyed=True)
            else:
                with pytest.raises(CounterTaken, match="staff is working at this counter"):
                    await person.request(method, params, keyed=True)
            for left in (await holder.snapshot("A")).consulting:
                await holder.complete(left.id)


async def test_a_patient_in_no_consultation_is_anybodys(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as holder, HubClient(hub.url, COLLEAGUE) as colleague:
        ticket = await holder.join_queue("A")
        await holder.call_patient(ticket.id, "R1")
        await colleague.update_ticket(ticket.id, note="has a question")
        await holder.park(ticket.id)
        await colleague.transfer(ticket.id, "B")
        await colleague.park(ticket.id)
        assert (await colleague.unpark(ticket.id)).status == "waiting"


async def test_another_counters_patient_can_not_be_completed_by_a_call(
    clinic: Clinic, hub: HubProcess
) -> None:
    async with HubClient(hub.url, clinic.staff) as holder, HubClient(hub.url, COLLEAGUE) as colleague:
        ticket = await holder.join_queue("A")
        await holder.call_patient(ticket.id, "R1")
        for counter in ("R1", "R2"):
            with pytest.raises(HubError) as refused:
                await colleague.call_next_patient(counter, complete=ticket.id)
            assert refused.value.reason in {"counter_taken", "not_consulting"}
        assert [t.id for t in (await holder.snapshot("A")).consulting] == [ticket.id]
