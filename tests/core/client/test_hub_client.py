"""HubClient against a real hub and against a scripted hub that misbehaves."""

import asyncio
import logging
from typing import Any

import pytest

from core.client.hub_choice import HubChoice
from core.client.hub_client import HubClient
from core.client.hub_connection import pair
from core.errors import Forbidden, HubError, SetupError, Unauthenticated, Unavailable
from core.wire.client_timings import ClientTimings
from core.wire.follower import Follower
from core.wire.replica import Change, EventApplied, LineReplaced, Pushed, StateChanged
from core.wire.session import ClientSession, ConnectionState, DeviceCredentials, PersonCredentials
from server.administration import people_and_devices
from tests.support.client_timings import SOON
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.reference_line import ReferenceLine
from tests.support.scripted_hub import ScriptedHub
from tests.support.waiting import until

DEVICE = DeviceCredentials("t0ken")
CLOSED_PORT = "ws://127.0.0.1:9/ws"


async def test_every_operation_has_its_answer(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.supervisor) as client:
        assert [service.code for service in await client.list_services()] == ["A", "B", "C"]
        assert (await client.open_counter("R1")).state == "open"
        assert (await client.pause_counter("R1", "lunch")).state == "paused"
        assert (await client.open_counter("R1")).held_by == "supervisor"
        tickets = [await client.join_queue("A") for _ in range(4)]
        assert [ticket.position for ticket in (await client.snapshot("A", after=2)).waiting] == [3, 4]
        called = await client.call_next_patient("R1")
        assert called.ticket is not None
        assert called.why is not None
        assert (await client.recall(tickets[0].id)).calls == 2
        assert (await client.complete(tickets[0].id)).status == "completed"
        await client.call_next_patient("R1")
        assert (await client.no_show(tickets[1].id)).status == "no_show"
        assert (await client.cancel(tickets[2].id)).status == "cancelled"
        assert (await client.get_ticket(tickets[3].id)).position == 1
        assert (await client.validate_queue_integrity("A")).sound
        assert (await client.close_counter("R1")).state == "closed"
        assert [counter.code for counter in await client.list_counters()] == ["R1", "R2"]


async def test_requests_during_a_restart_of_the_hub_are_neither_lost_nor_doubled(
    clinic: Clinic, hub: HubProcess
) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(hub.url, clinic.monitor) as monitor:
        await kiosk.join_queue("A")
        hub.kill()
        await until(lambda: kiosk.state is ConnectionState.LOST)
        assert kiosk.lost_since is not None
        joining = [asyncio.get_running_loop().create_task(kiosk.join_queue("A")) for _ in range(5)]
        await asyncio.to_thread(hub.restart)
        numbers = {(await ticket).number for ticket in joining}
        assert numbers == {"A002", "A003", "A004", "A005", "A006"}
        await until(lambda: monitor.replica.lines.line("A").revision == 6)
        await kiosk.live()
        assert kiosk.lost_since is None


async def test_a_frozen_hub_is_lost_and_live_again_when_it_answers(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff, timings=SOON) as client:
        hub.freeze()
        joining = asyncio.get_running_loop().create_task(client.join_queue("A"))
        await until(lambda: client.state is ConnectionState.LOST)
        hub.thaw()
        assert (await joining).number == "A001"
        await until(lambda: client.state is ConnectionState.LIVE)


async def test_a_person_reconnects_by_the_session_until_it_is_ended(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        hub.kill()
        await until(lambda: console.state is ConnectionState.LOST)
        await asyncio.to_thread(hub.restart)
        await console.live()
        await console.request("session.end")
        hub.kill()
        await asyncio.to_thread(hub.restart)
        await until(lambda: console.state is ConnectionState.REFUSED, what="the refusal")
        assert isinstance(console.refusal, Unauthenticated)
        with pytest.raises(Unauthenticated):
            await console.list_services()


async def test_a_hundred_at_once_get_a_hundred_numbers(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(hub.url, clinic.kiosk) as other:
        # Two clients: a device's burst is 100 requests, and each has sent its subscription already.
        asked = (each.join_queue("B") for each in (kiosk, other) for _ in range(50))
        tickets = await asyncio.gather(*asked)
        assert len({ticket.number for ticket in tickets}) == 100
        await until(lambda: kiosk.replica.lines.line("B").waiting_count == 100)


async def test_a_device_is_paired_by_a_code(clinic: Clinic, hub: HubProcess) -> None:
    engine = clinic.engine()
    code = people_and_devices.pair_device(engine, "kiosk", None)
    engine.dispose()

    credentials = await pair(hub.url, code, "test")
    async with HubClient(hub.url, credentials) as kiosk:
        assert kiosk.hello is not None
        assert kiosk.hello.role == "kiosk"
    with pytest.raises(Unauthenticated):
        await pair(hub.url, code, "test")
    with pytest.raises(Unavailable):
        await pair(CLOSED_PORT, code, "test")


async def test_a_gap_is_filled_from_the_revision_held() -> None:
    truth = ReferenceLine()
    first = truth.snapshot()
    events = [truth.join() for _ in range(3)]
    heard: list[Change] = []

    async with ScriptedHub.running() as hub:
        hub.answers["queue.subscribe"] = lambda params: {"services": {"A": {"snapshot": first}}}
        async with HubClient(hub.url, DEVICE, on_change=heard.append) as client:
            hub.answers["queue.subscribe"] = lambda params: {
                "services": {"A": {"events": events[params["since"]["A"] :]}}
            }
            await hub.push("queue.event", events[0])
            await hub.push("queue.event", events[2])
            await until(lambda: client.replica.lines.line("A").revision == 3)
            assert hub.asked_for("queue.subscribe")[1]["since"] == {"A": 1}
    assert [change.event.revision for change in heard if isinstance(change, EventApplied)] == [1, 2, 3]
    assert [change.service for change in heard if isinstance(change, LineReplaced)] == ["A"]


async def test_after_a_reconnect_the_client_continues_from_what_it_holds() -> None:
    truth = ReferenceLine(revision=7)

    async with ScriptedHub.running() as hub:
        hub.answers["queue.subscribe"] = lambda params: {"services": {"A": {"snapshot": truth.snapshot()}}}
        async with HubClient(hub.url, DEVICE) as client:
            await hub.hang_up()
            await until(lambda: len(hub.asked_for("queue.subscribe")) == 2)
            assert hub.asked_for("queue.subscribe")[1] == {
                "services": None,
                "since": {"A": 7},
                "epoch": "e1",
            }
            await client.live()


async def test_without_its_lines_a_client_is_not_live() -> None:
    states: list[ConnectionState] = []

    def note(change: Change) -> None:
        if isinstance(change, StateChanged):
            states.append(change.state)

    async with ScriptedHub.running() as hub:
        hub.answers["queue.subscribe"] = lambda params: Unavailable()
        client = HubClient(hub.url, DEVICE, on_change=note)
        client.start()
        await until(lambda: len(hub.asked_for("session.hello")) >= 2)
        assert states == [ConnectionState.LOST]
        hub.answers["queue.subscribe"] = lambda params: {"services": {}}
        await client.live()
        await client.aclose()
    assert states == [ConnectionState.LOST, ConnectionState.LIVE]


@pytest.mark.logs_expected
async def test_a_client_works_with_a_hub_that_refuses_the_counters() -> None:
    async with ScriptedHub.running() as hub:
        hub.answers["counters.list"] = lambda params: Forbidden()
        async with HubClient(hub.url, DEVICE) as client:
            assert client.replica.counters == ()


async def test_a_client_without_follow_sends_no_subscription() -> None:
    async with ScriptedHub.running() as hub, HubClient(hub.url, DEVICE, follow=False) as client:
        assert await client.list_services() == ()
        assert hub.asked_for("queue.subscribe") == []


async def test_other_pushes_are_reported_and_a_new_configuration_is_listed_again() -> None:
    heard: list[Change] = []

    async with ScriptedHub.running() as hub, HubClient(hub.url, DEVICE, on_change=heard.append):
        await hub.push("device.command", {"command": "lock"})
        await hub.push("config.changed", {"revision": 2})
        await until(lambda: len(hub.asked_for("services.list")) == 2)
    assert Pushed("device.command", {"command": "lock"}) in heard


async def test_a_malformed_push_ends_the_connection_and_not_the_client() -> None:
    async with ScriptedHub.running() as hub, HubClient(hub.url, DEVICE) as client:
        await hub.push("queue.event", {"service": 3})
        await until(lambda: len(hub.asked_for("session.hello")) == 2)
        await client.live()


@pytest.mark.logs_expected
async def test_an_error_in_a_callback_is_logged_and_the_client_reconnects(
    caplog: pytest.LogCaptureFixture,
) -> None:
    soon = ClientTimings(longest_pause=0.01)

    def fail_once(change: Change) -> None:
        if isinstance(change, Pushed) and "fault" not in caplog.text:
            raise ZeroDivisionError

    async with (
        ScriptedHub.running() as hub,
        HubClient(hub.url, DEVICE, on_change=fail_once, timings=soon) as client,
    ):
        await hub.push("device.command", {"command": "lock"})
        await until(lambda: len(hub.asked_for("session.hello")) == 2)
        await client.live()
    assert "ZeroDivisionError" in caplog.text


def made_to_fail_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[str]:
    """Makes the next call of a method fail; later calls work. Returns a list that gets the name then."""
    real = getattr(owner, name)
    failed: list[str] = []

    def call(*arguments: Any, **named: Any) -> Any:
        if not failed:
            failed.append(name)
            raise ZeroDivisionError("made to fail by the test")
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, call)
    return failed


@pytest.mark.logs_expected
@pytest.mark.parametrize(
    ("chore", "owner", "name"),
    [
        ("clock", ClientSession, "tick"),
        ("writer", ClientSession, "frames_to_send"),
        ("reader", ClientSession, "receive"),
        ("reader", Follower, "take_push"),
        ("connection", HubChoice, "leave"),
    ],
)
async def test_a_client_whose_task_fails_logs_it_by_name_and_reconnects(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, chore: str, owner: Any, name: str
) -> None:
    soon = ClientTimings(longest_pause=0.01)
    async with ScriptedHub.running() as hub, HubClient(hub.url, DEVICE, timings=soon) as client:
        failed = made_to_fail_once(monkeypatch, owner, name)
        await hub.push("device.command", {"command": "lock"})
        if owner is HubChoice:
            await hub.hang_up()
        await until(lambda: failed, what=f"the {chore} to fail")
        await until(lambda: len(hub.asked_for("session.hello")) == 2, what="the client to come back")
        await client.live()
        assert await client.list_services() == ()
    assert "Traceback (most recent call last)" in caplog.text
    assert "made to fail by the test" in caplog.text
    assert f"This was the client's {chore}." in caplog.text


@pytest.mark.logs_expected
async def test_a_callback_that_fails_on_the_loss_of_the_hub_does_not_end_the_client(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    soon = ClientTimings(longest_pause=0.01)

    def fail(change: Change) -> None:
        if change == StateChanged(ConnectionState.LOST):
            raise ZeroDivisionError

    async with (
        ScriptedHub.running() as hub,
        HubClient(hub.url, DEVICE, on_change=fail, timings=soon) as client,
    ):
        made_to_fail_once(monkeypatch, ClientSession, "tick")
        await until(lambda: len(hub.asked_for("session.hello")) == 2, what="the client to come back")
        await client.live()
    assert "The loss of the hub could not be reported" in caplog.text


@pytest.mark.parametrize(
    ("credentials", "hellos"), [(DEVICE, 2), (PersonCredentials("ada", "wrong"), 1)], ids=["device", "person"]
)
async def test_refused_devices_retry_and_refused_people_do_not(credentials: Any, hellos: int) -> None:
    async with ScriptedHub.running() as hub:
        hub.answers["session.hello"] = lambda params: Unauthenticated()
        client = HubClient(hub.url, credentials, timings=ClientTimings(refused=(0.0, 0.01)))
        client.start()
        waiting = asyncio.get_running_loop().create_task(client.join_queue("A"))
        with pytest.raises(Unauthenticated):
            await client.live()
        await until(lambda: len(hub.asked_for("session.hello")) >= hellos)
        await client.aclose()
        with pytest.raises(HubError) as failure:
            await waiting
    assert isinstance(failure.value, Unavailable if hellos > 1 else Unauthenticated)


async def test_requests_fail_while_no_hub_listens() -> None:
    client = HubClient(CLOSED_PORT, DEVICE)
    with pytest.raises(Unavailable):
        await client.list_services()
    client.start()
    with pytest.raises(Unavailable, match="can't be reached"):
        await client.live(retry=False)
    joining = asyncio.get_running_loop().create_task(client.join_queue("A"))
    await asyncio.sleep(0)
    joining.cancel()
    asking = asyncio.get_running_loop().create_task(client.list_services())
    await asyncio.sleep(0)
    await client.aclose()
    with pytest.raises(Unavailable, match="closed"):
        await asking
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_another_hub_of_the_same_clinic_is_tried() -> None:
    async with ScriptedHub.running() as hub, HubClient([CLOSED_PORT, hub.url], DEVICE) as client:
        assert client.hello is not None


@pytest.mark.parametrize("url", ["", "127.0.0.1:8765", "http://127.0.0.1/ws", "ws://", "ws://h:99999/ws", []])
def test_a_wrong_address_raises_a_sentence(url: str | list[str]) -> None:
    with pytest.raises(SetupError, match="It looks like ws://"):
        HubClient(url, DEVICE)


@pytest.mark.logs_expected
@pytest.mark.parametrize(
    ("url", "warned"),
    [("ws://hub.clinic:8765/ws", True), ("wss://hub.clinic/ws", False), ("ws://[::1]:8765/ws", False)],
)
def test_an_unencrypted_address_of_another_computer_is_warned_about(
    url: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    HubClient(url, DEVICE)
    assert bool([r for r in caplog.records if r.levelno == logging.WARNING]) is warned
