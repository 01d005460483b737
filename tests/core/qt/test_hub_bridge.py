"""HubBridge on a real hub and on a scripted hub: slots in, signals out, no call blocks."""

import asyncio
import gc
import weakref
from time import perf_counter
from typing import Any

import pytest

from core.errors import HubError, QueueEmpty, SetupError, Unauthenticated, Unavailable
from core.line.tickets import Hello, QueueEvent, Ticket
from core.qt.hub_bridge import HubBridge, HubReply
from core.wire.session import ConnectionState, DeviceCredentials
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.reference_line import ReferenceLine
from tests.support.scripted_hub import ScriptedHub
from tests.support.waiting import in_time, until

DEVICE = DeviceCredentials("t0ken")


class Heard:
    """Records a bridge's signals in order."""

    def __init__(self, bridge: HubBridge) -> None:
        self.states: list[ConnectionState] = []
        self.events: list[QueueEvent] = []
        self.lines: list[str] = []
        self.resets: list[str] = []
        self.changed: list[str] = []
        bridge.state_changed.connect(self.states.append)
        bridge.event_received.connect(self.events.append)
        bridge.line_changed.connect(self.lines.append)
        bridge.reset.connect(self.resets.append)
        bridge.hello_changed.connect(lambda: self.changed.append("hello"))
        bridge.services_changed.connect(lambda: self.changed.append("services"))
        bridge.counters_changed.connect(lambda: self.changed.append("counters"))


def state(bridge: HubBridge) -> ConnectionState:
    return bridge.state


async def live(bridge: HubBridge) -> HubBridge:
    bridge.start()
    await until(lambda: bridge.state is ConnectionState.LIVE, what="the bridge to be live")
    return bridge


async def answer(reply: HubReply) -> Any:
    """Returns a reply's result or raises its error."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    reply.succeeded.connect(future.set_result)
    reply.failed.connect(future.set_exception)
    return await in_time(future)


async def test_a_kiosk_sees_the_clinic_and_joins(clinic: Clinic, hub: HubProcess) -> None:
    bridge = HubBridge(hub.url, clinic.kiosk, client_name="inturn-kiosk/test")
    heard = Heard(bridge)
    assert state(bridge) is ConnectionState.CONNECTING
    await live(bridge)
    assert heard.states == [ConnectionState.LIVE]
    assert sorted(heard.resets) == ["A", "B", "C"]
    assert isinstance(bridge.hello, Hello)
    assert [service.code for service in bridge.services] == ["A", "B", "C"]
    assert bridge.counters == ()
    assert bridge.lost_since is None
    assert bridge.refusal is None
    heard.lines.clear()
    ticket = await answer(bridge.join_queue("A"))
    assert isinstance(ticket, Ticket)
    await until(lambda: heard.events and "A" in heard.lines)
    assert [event.kind for event in heard.events] == ["joined"]
    assert [waiting.id for waiting in bridge.line("A").waiting] == [ticket.id]
    await until(lambda: bridge.latency is not None)
    await bridge.aclose()


async def test_a_person_signs_in_works_and_signs_out(clinic: Clinic, hub: HubProcess) -> None:
    bridge = HubBridge(hub.url, client_name="inturn-admin/test")
    heard = Heard(bridge)
    bridge.start()
    with pytest.raises(Unauthenticated):
        await answer(bridge.join_queue("A"))
    with pytest.raises(Unauthenticated, match="don't match"):
        await answer(bridge.sign_in("staff", "wrong"))
    assert state(bridge) is ConnectionState.CONNECTING
    hello = await answer(bridge.sign_in(clinic.staff.username, clinic.staff.password))
    assert hello.role == "staff"
    assert state(bridge) is ConnectionState.LIVE
    with pytest.raises(QueueEmpty):
        await answer(bridge.call_next_patient("R1"))
    first = await answer(bridge.join_queue("A", "high", "Amal Haddad"))
    called = await answer(bridge.call_next_patient("R1"))
    assert called.ticket.id == first.id
    assert called.why.priority == "high"
    assert (await answer(bridge.recall(first.id))).calls == 2
    assert (await answer(bridge.complete(first.id))).status == "completed"
    assert (await answer(bridge.pause_counter("R1"))).state == "paused"
    assert (await answer(bridge.open_counter("R1"))).state == "open"
    bridge.sign_out()
    assert not bridge.hello
    assert not bridge.services
    assert not bridge.line("A").known
    assert state(bridge) is ConnectionState.CONNECTING
    assert heard.changed[-3:] == ["hello", "services", "counters"]
    await bridge.aclose()
    assert clinic.rows("SELECT count(*) FROM sessions")[0][0] == 0


async def test_signing_in_without_a_hub_fails_at_once() -> None:
    bridge = HubBridge("ws://127.0.0.1:9/ws")
    with pytest.raises(Unavailable, match="can't be reached"):
        await answer(bridge.sign_in("staff", "secret"))
    assert state(bridge) is ConnectionState.CONNECTING
    await bridge.aclose()


async def test_a_bridge_is_lost_when_the_hub_is_killed_and_live_after_its_restart(
    clinic: Clinic, hub: HubProcess
) -> None:
    bridge = await live(HubBridge(hub.url, clinic.monitor))
    heard = Heard(bridge)
    hub.kill()
    await until(lambda: bridge.state is ConnectionState.LOST)
    assert bridge.line("A").known
    lost_since = bridge.lost_since
    await asyncio.to_thread(hub.restart)
    await until(lambda: bridge.state is ConnectionState.LIVE)
    assert lost_since is not None
    assert bridge.lost_since is None
    assert heard.states == [ConnectionState.LOST, ConnectionState.LIVE]
    await bridge.aclose()


async def test_a_burst_of_events_emits_every_event_and_few_repaints() -> None:
    truth = ReferenceLine()
    snapshot = truth.snapshot()
    events = [event for _ in range(200) for event in (truth.join(), truth.join(), truth.call())]
    late: list[float] = []

    async with ScriptedHub.running() as hub:
        hub.answers["queue.subscribe"] = lambda params: {"services": {"A": {"snapshot": snapshot}}}
        bridge = await live(HubBridge(hub.url, DEVICE))
        heard = Heard(bridge)
        bridge.line_changed.connect(lambda code: bridge.line(code).waiting)
        started = perf_counter()
        for event in events:
            await hub.push("queue.event", event)
        await until(lambda: len(heard.events) == len(events))
        late.append(perf_counter() - started)
        await until(lambda: not bridge.line("A").first(1) or heard.lines)
        assert [event.revision for event in heard.events] == [event.revision for event in events]
        assert len(heard.lines) <= late[0] / 0.03 + 2
        assert bridge.line("A").waiting == truth.snapshot().waiting
        await bridge.aclose()


async def test_a_reply_is_kept_until_its_caller_has_connected() -> None:
    async with ScriptedHub.running() as hub:
        bridge = await live(HubBridge(hub.url, DEVICE))
        hub.answers["device.report"] = lambda params: {"thanks": True}
        received: list[Any] = []
        bridge.request("device.report", {"paper": "out"}).succeeded.connect(received.append)
        gc.collect()
        assert received == []
        await until(lambda: received)
        assert received == [{"thanks": True}]
        await bridge.aclose()


async def test_finished_replies_are_freed() -> None:
    async with ScriptedHub.running() as hub:
        bridge = await live(HubBridge(hub.url, DEVICE))
        reply = bridge.request("ping")
        seen = weakref.ref(reply)
        finished: list[bool] = []
        reply.finished.connect(lambda: finished.append(True))
        del reply
        await until(lambda: finished)
        await asyncio.sleep(0.05)
        gc.collect()
        assert seen() is None
        await bridge.aclose()


async def test_abandoned_and_unfinished_replies_fail_with_a_sentence() -> None:
    async with ScriptedHub.running() as hub:
        bridge = await live(HubBridge(hub.url, DEVICE))
        received: list[HubError] = []
        for reply in (bridge.join_queue("A"), bridge.join_queue("A"), bridge.join_queue("A")):
            reply.failed.connect(received.append)
        reply.abandon()
        await until(lambda: received)
        await bridge.aclose()
        assert [type(error) for error in received] == [Unavailable] * 3
        with pytest.raises(Unauthenticated):
            await answer(bridge.join_queue("A"))
        await bridge.aclose()


@pytest.mark.logs_expected
async def test_an_unexpected_error_is_logged_and_fails_the_reply_with_a_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def faulty() -> None:
        raise ZeroDivisionError

    with pytest.raises(HubError, match="could not do that"):
        await answer(HubReply(faulty()))
    assert "fault of this program" in caplog.text


async def test_a_refused_device_keeps_the_hubs_refusal() -> None:
    async with ScriptedHub.running() as hub:
        hub.answers["session.hello"] = lambda params: Unauthenticated("Please pair it again.")
        bridge = HubBridge(hub.url, DEVICE)
        bridge.start()
        await until(lambda: bridge.state is ConnectionState.REFUSED)
        assert bridge.refusal is not None
        assert bridge.refusal.message == "Please pair it again."
        await bridge.aclose()


async def test_pushes_and_configuration_reach_the_window() -> None:
    async with ScriptedHub.running() as hub:
        bridge = await live(HubBridge(hub.url, DEVICE))
        received: list[Any] = []
        bridge.config_changed.connect(received.append)
        bridge.pushed.connect(lambda method, params: received.append((method, params)))
        await hub.push("config.changed", {"revision": 8})
        await hub.push("device.command", {"command": "reload"})
        await until(lambda: len(received) == 2)
        assert received == [8, ("device.command", {"command": "reload"})]
        await bridge.aclose()


async def test_an_unreachable_database_and_its_return_are_signalled() -> None:
    async with ScriptedHub.running() as hub:
        bridge = await live(HubBridge(hub.url, DEVICE))
        received: list[bool] = []
        bridge.stale_changed.connect(received.append)
        for _ in range(2):
            await hub.push("services.changed", {"services": [], "stale": True})
            await until(lambda: bridge.stale)
        await hub.push("services.changed", {"services": [], "stale": False})
        await until(lambda: not bridge.stale)
        assert received == [True, False]
        assert bridge.state is ConnectionState.LIVE
        await bridge.aclose()


async def test_trouble_holds_the_error_of_the_latest_try() -> None:
    bridge = HubBridge("ws://127.0.0.1:9/ws", DEVICE)
    assert bridge.trouble is None
    bridge.start()
    await until(lambda: bridge.state is ConnectionState.LOST)
    assert isinstance(bridge.trouble, Unavailable)
    await bridge.aclose()


async def test_a_wrong_address_raises_in_the_constructor() -> None:
    with pytest.raises(SetupError):
        HubBridge("clinic:8765")
