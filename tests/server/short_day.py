"""A short day at a real hub, and what its pages tell afterwards: what suites of metrics, dashboards and logs look at."""

from __future__ import annotations

import asyncio
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from core.errors import Forbidden, HubError
from core.hub_client import HubClient
from core.session import PersonCredentials
from tests.clinic import PASSWORD, Clinic
from tests.hub_process import HubProcess
from tests.waiting import until

NAMES = ("Amal Haddad", "Zoë Canary-Smith", "قناري الاسم", "Robert'); DROP TABLE tickets;--")
"""Patients whose names must not be found anywhere."""
NOTE = "canary note: allergic to latex"


def page(url: str, name: str, **headers: str) -> tuple[int, str]:
    """Status and body of a page beside the WebSocket."""
    address = url.replace("ws://", "http://").replace("/ws", f"/{name}")
    try:
        with urlopen(Request(address, headers=headers), timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def short_day(clinic: Clinic, hub: HubProcess) -> str:
    """Patients come, wait, are called, served, missed, parked and transferred; returns /metrics at the end."""
    async with (
        HubClient(hub.url, clinic.staff) as staff,
        HubClient(hub.url, clinic.supervisor) as supervisor,
        HubClient(hub.url, PersonCredentials("admin", PASSWORD)),
        HubClient(hub.url, clinic.kiosk) as kiosk,
        HubClient(hub.url, clinic.monitor) as monitor,
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
        await _refused(kiosk, clinic, hub)
        await until(lambda: len(monitor.replica.lines.line("B").waiting) == 1)
        return (await asyncio.to_thread(page, hub.url, "metrics"))[1]


async def _refused(kiosk: HubClient, clinic: Clinic, hub: HubProcess) -> None:
    """What a hub says no to: a kiosk's reach, an unknown method, a wrong password."""
    for method in ("queue.move", "patients.Amal Haddad"):
        try:
            await kiosk.request(method, {}, keyed=True)
        except HubError as error:
            assert isinstance(error, Forbidden) == (method == "queue.move")
    try:
        async with HubClient(hub.url, PersonCredentials("staff", "canary password")):
            raise AssertionError("a wrong password opened the door")
    except HubError as error:
        assert error.reason == "unauthenticated"
