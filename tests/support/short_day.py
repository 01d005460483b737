"""A short day at a real hub and its pages afterwards, for tests of metrics, dashboards and logs."""

from __future__ import annotations

import asyncio
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from core.client.hub_client import HubClient
from core.errors import Forbidden, Unauthenticated, UnknownMethod
from core.wire.session import PersonCredentials
from tests.support.clinic import PASSWORD, Clinic
from tests.support.waiting import WAIT_SECONDS, until

NAMES = ("Amal Haddad", "Zoë Canary-Smith", "قناري الاسم", "Robert'); DROP TABLE tickets;--")
"""Patients' names that must not be found anywhere."""
NOTE = "canary note: allergic to latex"
WRONG_PASSWORD = "canary password"


def page(url: str, name: str, **headers: str) -> tuple[int, str]:
    """Status and body of a page beside the WebSocket."""
    address = url.replace("ws://", "http://").replace("/ws", f"/{name}")
    try:
        with urlopen(Request(address, headers=headers), timeout=WAIT_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def short_day(clinic: Clinic, url: str) -> str:
    """Patients join, wait, are called, served, missed, parked and transferred; returns /metrics at the end."""
    async with (
        HubClient(url, clinic.staff) as staff,
        HubClient(url, clinic.supervisor) as supervisor,
        HubClient(url, PersonCredentials("admin", PASSWORD)),
        HubClient(url, clinic.kiosk) as kiosk,
        HubClient(url, clinic.monitor) as monitor,
    ):
        await staff.open_counter("R1")
        tickets = [await kiosk.join_queue("A") for _ in range(3)]
        tickets += [await staff.join_queue("A", patient_name=name) for name in NAMES]
        await staff.update_ticket(tickets[-1].id, note=NOTE)
        for _ in range(2):
            called = (await staff.call_next_patient("R1")).ticket
            assert called is not None
            await staff.complete(called.id)
        missed = (await staff.call_next_patient("R1")).ticket
        assert missed is not None
        await staff.no_show(missed.id)
        await staff.park(tickets[-1].id)
        await supervisor.transfer(tickets[-2].id, "B")
        await _refused(kiosk, url)
        await until(lambda: len(monitor.replica.lines.line("B").waiting) == 1)
        return (await asyncio.to_thread(page, url, "metrics"))[1]


async def _refused(kiosk: HubClient, url: str) -> None:
    """Requests that a hub refuses: a method of another role, an unknown method, a wrong password."""
    for method, refusal in (("queue.move", Forbidden), ("patients.Amal Haddad", UnknownMethod)):
        with pytest.raises(refusal):
            await kiosk.request(method, {"key": NOTE}, keyed=True)
    with pytest.raises(Unauthenticated):
        async with HubClient(url, PersonCredentials(NAMES[0], WRONG_PASSWORD)):
            pass
