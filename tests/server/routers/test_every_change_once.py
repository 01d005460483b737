"""A repeated key makes a change once: on the same connection, on another, after a killed hub, on another hub."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from core.client.hub_client import HubClient
from core.errors import KeyConflict
from core.wire.session import PersonCredentials
from server.administration import people_and_devices
from tests.support.changing_methods import CHANGES
from tests.support.clinic import PASSWORD, Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

ADMIN = PersonCredentials("admin", PASSWORD)
Made = dict[str, tuple[dict[str, Any], Any]]


@pytest.fixture
def roomy(clinic: Clinic, hub: HubProcess) -> Iterator[Clinic]:
    """The clinic with two more counters."""
    engine = clinic.engine()
    for code in ("R8", "R9"):
        people_and_devices.add_counter(engine, code, code, ["C"])
    yield clinic
    engine.dispose()


def repeatable(answer: Any) -> Any:
    """The part of an answer that a repeated request repeats: estimates and lengths of lines are of their moment."""
    if answer.get("ticket"):
        return answer | {"ticket": answer["ticket"] | {"estimated_wait": None, "ahead": None}}
    for subject in ("service", "counter"):
        if isinstance(answer.get(subject), dict):
            return answer[subject]["code"], answer[subject]["state"]
    return answer


def history(clinic: Clinic) -> list[Any]:
    return clinic.rows("SELECT code, revision, (SELECT count(*) FROM admin_events) FROM services ORDER BY id")


async def make_all(hub: HubClient, clinic: Clinic) -> Made:
    """Makes every change, repeats it at once, and sends its key with other parameters."""
    made: Made = {}
    another = (await hub.join_queue("A")).id
    for method, (prepare, other) in CHANGES.items():
        params = {**await prepare(hub), "key": f"key of {method}"}
        first = await hub.request(method, params)
        made[method] = params, first
        before = history(clinic)
        assert repeatable(await hub.request(method, params)) == repeatable(first), method
        with pytest.raises(KeyConflict):
            await hub.request(method, {**params, **({"ticket": another} if "ticket" in other else other)})
        assert history(clinic) == before, method
    return made


async def repeat_all(hub: HubClient, clinic: Clinic, made: Made) -> None:
    """Repeats every change; the history stays the same."""
    before = history(clinic)
    for method, (params, first) in made.items():
        assert repeatable(await hub.request(method, params)) == repeatable(first), method
    assert history(clinic) == before


async def test_every_repeated_change_happens_once(roomy: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN, follow=False) as first:
        made = await make_all(first, roomy)
    async with HubClient(hub.url, ADMIN, follow=False) as again:
        await repeat_all(again, roomy, made)
        hub.kill()
        await asyncio.to_thread(hub.restart)
        await repeat_all(again, roomy, made)
    other = HubProcess(roomy.database_url)
    async with HubClient(other.url, ADMIN, follow=False) as elsewhere:
        await repeat_all(elsewhere, roomy, made)
    other.terminate()


async def test_equal_keys_of_two_people_are_different_keys(clinic: Clinic, hub: HubProcess) -> None:
    async with (
        HubClient(hub.url, clinic.staff, follow=False) as staff,
        HubClient(hub.url, clinic.supervisor, follow=False) as supervisor,
    ):
        params = {"service": "A", "key": "k"}
        answers = [await client.request("tickets.join", params) for client in (staff, supervisor)]
        assert [answer["ticket"]["number"] for answer in answers] == ["A001", "A002"]


async def test_a_request_at_two_hubs_at_once_happens_once(clinic: Clinic, hub: HubProcess) -> None:
    other = HubProcess(clinic.database_url)

    async with (
        HubClient(hub.url, ADMIN, follow=False) as here,
        HubClient(other.url, ADMIN, follow=False) as there,
    ):
        for number in range(1, 11):
            join = {"service": "A", "key": f"join {number}"}
            both = await asyncio.gather(*(c.request("tickets.join", join) for c in (here, there)))
            [ticket] = {answer["ticket"]["id"] for answer in both}
            move = {"ticket": ticket, "service": "B", "place": "first", "key": f"transfer {number}"}
            both = await asyncio.gather(*(c.request("queue.transfer", move) for c in (here, there)))
            assert repeatable(both[0]) == repeatable(both[1])
    other.terminate()
    assert clinic.rows("SELECT count(*) FROM tickets") == [(10,)]
    assert clinic.rows("SELECT count(*) FROM queue_events WHERE kind = 'transferred_in'") == [(10,)]


async def test_requests_that_a_killed_hub_did_not_answer_happen_once(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.supervisor) as console:
        tickets = [await console.join_queue("A") for _ in range(12)]
        loop = asyncio.get_running_loop()
        requests = [loop.create_task(console.park(ticket.id)) for ticket in tickets[:6]]
        requests += [loop.create_task(console.transfer(ticket.id, "B", "last")) for ticket in tickets[6:]]
        await until(lambda: any(request.done() for request in requests))
        hub.kill()
        await asyncio.to_thread(hub.restart)
        done = await asyncio.gather(*requests)
        assert {ticket.status for ticket in done} == {"parked", "waiting"}
        undone = await console.undo()
        assert undone is not None
        assert undone.service == "A"
        await until(lambda: console.replica.lines.line("B").waiting_count == 5)
    kinds: dict[str, int] = dict(clinic.rows("SELECT kind, count(*) FROM queue_events GROUP BY kind"))
    assert (kinds["parked"], kinds["transferred_out"], kinds["transferred_in"]) == (6, 6, 6)
