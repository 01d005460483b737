"""The people of the demo's clinic: those who came before, those who come now, and the colleague at Counter 2.

They act through the hub like everybody else, by clients of their own.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from itertools import cycle

from core.client.hub_operations import HubOperations
from core.errors import HubError
from core.line.tickets import Priority, Ticket

MOST_WAITING = 12
ARRIVAL_SECONDS = (6.0, 16.0)
VISIT_SECONDS = (14.0, 30.0)
COLLEAGUES_COUNTER = "2"


@dataclass(frozen=True)
class Patient:
    """Somebody who takes a turn; `minutes` ago, for those who came before the demo was opened."""

    name: str | None
    service: str
    priority: Priority = "medium"
    minutes: float = 0.0


SERVED = (
    Patient("Sofia Rossi", "P", minutes=11.4),
    Patient("Ines Almeida", "B", minutes=7.9),
    Patient("Jonas Weber", "P", minutes=4.2),
    Patient("Karim Nasser", "B", minutes=1.6),
)
"""Called by the colleague before the demo was opened; the last is still there."""
WAITING = (
    Patient("Bo Larsen", "A", minutes=17.5),
    Patient("Chen Wei", "A", minutes=12.3),
    Patient("Dora Silva", "A", minutes=8.6),
    Patient(None, "B", minutes=9.4),
    Patient("Fay Okafor", "B", minutes=2.2),
    Patient("Gus Brandt", "A", minutes=5.1),
    Patient(None, "P", minutes=6.2),
)
COMING = (
    Patient("Hana Sato", "A"),
    Patient(None, "P"),
    Patient("Eli Cohen", "B"),
    Patient("Lena Fischer", "A"),
    Patient(None, "A", "high"),
    Patient("Marek Nowak", "P"),
    Patient("Nadia Petrova", "B"),
    Patient(None, "A"),
    Patient("Oscar Lindgren", "A", "low"),
    Patient("Priya Raman", "B"),
)


async def join(hub: HubOperations, patient: Patient) -> Ticket:
    """A patient takes a turn at reception."""
    return await hub.join_queue(patient.service, patient.priority, patient.name)


async def open_the_day(reception: HubOperations, colleague: HubOperations) -> dict[str, float]:
    """The first patients come, and the colleague calls some.

    Returns how many minutes ago each is said to have come or been called, by the ticket's id.
    """
    await colleague.open_counter(COLLEAGUES_COUNTER)
    came: dict[str, float] = {}
    with_colleague: str | None = None
    for patient in SERVED:
        ticket = await join(reception, patient)
        await colleague.call_next_patient(COLLEAGUES_COUNTER, with_colleague)
        with_colleague = ticket.id
        came[ticket.id] = patient.minutes
    for patient in WAITING:
        came[(await join(reception, patient)).id] = patient.minutes
    return came


async def keep_coming(reception: HubOperations) -> None:
    """Patients come one after the other, as long as there is room to sit. Until cancelled."""
    for patient in cycle(COMING):
        await asyncio.sleep(random.uniform(*ARRIVAL_SECONDS))
        try:
            if sum(service.waiting for service in await reception.list_services()) < MOST_WAITING:
                await join(reception, patient)
        except HubError:
            continue  # The hub is away: so are its patients. The client goes on trying by itself.


async def keep_calling(colleague: HubOperations) -> None:
    """The colleague calls, recalls now and then, and completes. Until cancelled."""
    while True:
        await asyncio.sleep(random.uniform(*VISIT_SECONDS))
        try:
            here = await _patient_at_the_counter(colleague)
            if here is not None and here.calls == 1 and random.random() < 0.2:
                await colleague.recall(here.id)
            else:
                await colleague.call_next_patient(COLLEAGUES_COUNTER, here.id if here is not None else None)
        except HubError:
            continue  # Nobody waits, or the hub is away.


async def _patient_at_the_counter(colleague: HubOperations) -> Ticket | None:
    counters = await colleague.list_counters()
    return next((counter.ticket for counter in counters if counter.code == COLLEAGUES_COUNTER), None)
