"""Simulated people of the demo: patients before and during the demo, and the colleague at Counter 2.

They act through the hub with their own clients, as the windows do.
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
    """A patient who takes a ticket; `minutes` before the start of the demo for `SERVED` and `WAITING`."""

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
"""Patients whom the colleague called before the demo opened; the last is still at the counter."""
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
    """Issues a ticket for a patient, as reception does. Raises HubError."""
    return await hub.join_queue(patient.service, patient.priority, patient.name)


async def open_the_day(reception: HubOperations, colleague: HubOperations) -> dict[str, float]:
    """Issues the tickets of `SERVED` and `WAITING` and calls the former at the colleague's counter.

    Returns, by ticket id, the minutes by which the ticket should be backdated. Raises HubError.
    """
    await colleague.open_counter(COLLEAGUES_COUNTER)
    minutes_ago: dict[str, float] = {}
    with_colleague: str | None = None
    for patient in SERVED:
        ticket = await join(reception, patient)
        await colleague.call_next_patient(COLLEAGUES_COUNTER, with_colleague)
        with_colleague = ticket.id
        minutes_ago[ticket.id] = patient.minutes
    for patient in WAITING:
        minutes_ago[(await join(reception, patient)).id] = patient.minutes
    return minutes_ago


async def issue_tickets(reception: HubOperations) -> None:
    """Issues a ticket every 6 to 16 s while fewer than `MOST_WAITING` wait. Runs until cancelled."""
    for patient in cycle(COMING):
        await asyncio.sleep(random.uniform(*ARRIVAL_SECONDS))
        try:
            if sum(service.waiting for service in await reception.list_services()) < MOST_WAITING:
                await join(reception, patient)
        except HubError:
            continue  # The hub is unreachable: skip this patient. The client reconnects by itself.


async def call_patients(colleague: HubOperations) -> None:
    """Completes and calls the next ticket at the colleague's counter every 14 to 30 s, with a recall now and then.

    Runs until cancelled.
    """
    while True:
        await asyncio.sleep(random.uniform(*VISIT_SECONDS))
        try:
            here = await _patient_at_the_counter(colleague)
            if here is not None and here.calls == 1 and random.random() < 0.2:
                await colleague.recall(here.id)
            else:
                await colleague.call_next_patient(COLLEAGUES_COUNTER, here.id if here is not None else None)
        except HubError:
            continue  # The line is empty, or the hub is unreachable.


async def _patient_at_the_counter(colleague: HubOperations) -> Ticket | None:
    counters = await colleague.list_counters()
    return next((counter.ticket for counter in counters if counter.code == COLLEAGUES_COUNTER), None)
