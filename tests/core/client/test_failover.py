"""A client with several hubs: when it changes hubs, and that its requests and lines survive the change."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from core.client.hub_client import HubClient
from core.errors import Unavailable
from core.wire.session import ConnectionState, DeviceCredentials
from tests.support.client_timings import SOON
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.reference_line import ReferenceLine
from tests.support.scripted_hub import ScriptedHub
from tests.support.waiting import in_time, until

DEVICE = DeviceCredentials("t0ken")
CLOSED_PORT = "ws://127.0.0.1:9/ws"


async def two_hubs(stack: AsyncExitStack) -> tuple[ScriptedHub, ScriptedHub]:
    return (
        await stack.enter_async_context(ScriptedHub.running()),
        await stack.enter_async_context(ScriptedHub.running()),
    )


async def until_asked(hub: ScriptedHub, method: str, times: int = 1) -> None:
    await until(lambda: len(hub.asked_for(method)) >= times, what=f"{method} at {hub.url}")


async def test_requests_that_a_lost_hub_left_unanswered_go_to_the_next_hub_with_their_keys() -> None:
    truth = ReferenceLine(revision=7)

    async with AsyncExitStack() as stack:
        first, second = await two_hubs(stack)
        first.answers["queue.subscribe"] = lambda params: {"services": {"A": {"snapshot": truth.snapshot()}}}
        ticket = truth.join().ticket
        second.answers["tickets.cancel"] = lambda params: {"ticket": ticket}
        client = await stack.enter_async_context(HubClient([first.url, CLOSED_PORT, second.url], DEVICE))
        cancelling = asyncio.get_running_loop().create_task(client.cancel("t1"))
        await until_asked(first, "tickets.cancel")
        await first.hang_up()
        await in_time(cancelling)
        assert second.asked_for("tickets.cancel") == first.asked_for("tickets.cancel")
        assert second.asked_for("queue.subscribe") == [{"services": None, "since": {"A": 8}, "epoch": "e1"}]
        await client.live()
        await asyncio.sleep(0.2)
        assert client.address == second.url
        assert len(first.asked_for("session.hello")) == 1


@pytest.mark.parametrize("code", [1001, 1013, 4429])
async def test_a_hub_that_takes_no_more_clients_is_left_for_the_next(code: int) -> None:
    async with AsyncExitStack() as stack:
        first, second = await two_hubs(stack)
        client = await stack.enter_async_context(HubClient(f"{first.url}, {second.url}", DEVICE))
        await first.hang_up(code)
        await until_asked(second, "session.hello")
        await client.live()


async def test_a_hub_that_stalls_is_left_when_there_is_another() -> None:
    async with AsyncExitStack() as stack:
        first, second = await two_hubs(stack)
        client = await stack.enter_async_context(HubClient([first.url, second.url], DEVICE, timings=SOON))
        del first.answers["ping"]
        asking = asyncio.get_running_loop().create_task(client.request("no.answer"))
        second.answers["no.answer"] = lambda params: {"from": "second"}
        assert await in_time(asking) == {"from": "second"}


async def test_a_hub_that_never_answers_hello_is_left_when_there_is_another() -> None:
    async with AsyncExitStack() as stack:
        first, second = await two_hubs(stack)
        del first.answers["session.hello"]
        client = await stack.enter_async_context(HubClient([first.url, second.url], DEVICE, timings=SOON))
        assert client.address == second.url


async def test_a_client_waits_for_a_single_hub_that_stalls() -> None:
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(ScriptedHub.running())
        client = await stack.enter_async_context(HubClient(hub.url, DEVICE, timings=SOON))
        asking = asyncio.get_running_loop().create_task(client.request("no.answer"))
        await until(lambda: client.state is ConnectionState.LOST)
        await hub.push("moon.rises", {})
        await until(lambda: client.state is ConnectionState.LIVE)
        assert len(hub.asked_for("session.hello")) == 1
        asking.cancel()


async def test_a_hub_whose_database_is_unreachable_is_not_left() -> None:
    async with AsyncExitStack() as stack:
        first, second = await two_hubs(stack)
        client = await stack.enter_async_context(HubClient([first.url, second.url], DEVICE))
        failures: list[Any] = [Unavailable(retry_after=0.1), Unavailable(retry_after=0.1)]
        first.answers["counters.open"] = lambda params: (
            failures.pop() if failures else {"counter": {"code": "R1", "name": "Room 1"}}
        )
        assert (await client.open_counter("R1")).code == "R1"
        assert len({params["key"] for params in first.asked_for("counters.open")}) == 1
        assert len(first.asked_for("counters.open")) == 3
        assert second.asked == []


async def test_a_request_without_an_answer_fails_when_its_patience_ends() -> None:
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(ScriptedHub.running())
        client = await stack.enter_async_context(HubClient(hub.url, DEVICE, patience=0.3, timings=SOON))
        with pytest.raises(Unavailable, match="may have been done"):
            await client.cancel("t1")
        await hub.hang_up()
        await until_asked(hub, "session.hello", 2)
        await client.live()
        assert len(hub.asked_for("tickets.cancel")) == 1


async def test_two_real_hubs_on_one_database(clinic: Clinic, hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        other = HubProcess(clinic.database_url)
        stack.callback(other.terminate)
        both = f"{hub.url},{other.url}"
        kiosk = await stack.enter_async_context(HubClient(both, clinic.kiosk))
        console = await stack.enter_async_context(HubClient(both, clinic.staff))
        await kiosk.join_queue("A")
        await until(lambda: console.replica.lines.line("A").waiting_count == 1)
        hub.freeze()
        joining = [asyncio.get_running_loop().create_task(kiosk.join_queue("A")) for _ in range(5)]
        await asyncio.sleep(0.1)
        hub.kill()
        assert {(await ticket).number for ticket in joining} == {"A002", "A003", "A004", "A005", "A006"}
        await until(lambda: console.replica.lines.line("A").revision == 6)
        assert (await console.call_next_patient("R1")).ticket is not None
        assert (kiosk.address, console.address) == (other.url, other.url)
