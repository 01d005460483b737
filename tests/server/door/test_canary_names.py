"""On a busy day with 1,000 patients whose names are canaries, no name reaches a device, the log or a page.

Devices' data is read from the bytes of their connections, not from what a client decoded.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen
from uuid import uuid4

import pytest
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from core.client.hub_client import HubClient
from core.errors import HubError
from core.line.tickets import Ticket
from core.wire.protocol import SUBPROTOCOL
from core.wire.session import PersonCredentials
from tests.support.canaries import leak_in, name_of, numbers_in
from tests.support.clinic import PASSWORD, Clinic
from tests.support.logged_hub import LoggedHub
from tests.support.waiting import WAIT_SECONDS, in_time, until
from tests.support.wire_recording import RecordingRelay

ADMIN = PersonCredentials("admin", PASSWORD)
PATIENTS = 1000
BY_KIOSK = 40
SERVICES = "AAAAAAABBC"
"""The services of ten patients in turn: A's line needs more than one message."""
NOTES, NEEDS, REASONS = 20_000, 30_000, 40_000
"""First numbers of the canaries in notes, needs and reasons."""
SIGNS = (
    rb'"more":[1-9]',
    rb'"events":\[{"',
    b'"method":"queue.snapshot"',
    b"key_conflict",
    b"service_closed",
    b"forbidden",
)
"""The devices must have received each of these, else the day proves nothing: a line in parts, a replay, refusals."""
WRITE: dict[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "JSON": lambda name: json.dumps(name).encode(),
    "JSON in capitals": lambda name: json.dumps(name).upper().encode(),
    "base64": lambda name: base64.b64encode(name.encode()),
    "base64 behind one byte": lambda name: base64.b64encode(b"," + name.encode()),
    "base64 for URLs": lambda name: base64.urlsafe_b64encode(b"<>" + name.encode()),
    "Python": lambda name: repr(name.encode()).encode(),
    "a URL": lambda name: quote(name).encode(),
    "hexadecimal": lambda name: name.encode().hex().encode(),
}


@pytest.mark.parametrize("form", WRITE)
def test_a_canary_is_found_in_every_encoding(form: str) -> None:
    for number in (4, 7):
        assert leak_in(b'{"a":"' + WRITE[form](name_of(number)) + b'"}') is not None
    assert leak_in(WRITE[form]("Qzxv, Жёщ: two names that are no canaries")) is None


@pytest.mark.long
async def test_no_canary_reaches_a_device_the_log_or_a_page(clinic: Clinic, tmp_path: Path) -> None:
    hub = LoggedHub(clinic.database_url, tmp_path / "log")
    make_fragile(clinic)
    public: list[bytes] = []

    with hub:
        async with RecordingRelay(hub.url) as hall, RecordingRelay(hub.url) as office:
            async with contextlib.AsyncExitStack() as clients:
                await a_busy_day(Day(hall, office, clinic, clients))
                public.extend(await asyncio.to_thread(pages, hub.url))
            public.extend(bytes(recording.received) for recording in hall.recordings)
            office_bytes = b"".join(bytes(recording.received) for recording in office.recordings)
    assert numbers_in(office_bytes) >= {*range(PATIENTS)}, (
        "the office did not receive every canary: the day proves nothing"
    )
    for stream in [*public, hub.log]:
        assert leak_in(stream) is None
    assert [sign for sign in SIGNS if not re.search(sign, b"".join(public))] == []
    assert b"fragile" in hub.log


def make_fragile(clinic: Clinic) -> None:
    """Makes the database reject one note with an error that quotes the whole row."""
    engine = clinic.engine()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE tickets ADD CONSTRAINT fragile CHECK (note NOT LIKE '%29999%')"))
    engine.dispose()


class Day:
    """The clients of that day: devices in the hall, people in the office, behind relays that record every byte."""

    def __init__(
        self, hall: RecordingRelay, office: RecordingRelay, clinic: Clinic, clients: contextlib.AsyncExitStack
    ) -> None:
        self.hall = hall
        self.clinic = clinic
        self.clients = clients
        self.kiosk = HubClient(hall.url, clinic.kiosk)
        self.monitor = HubClient(hall.url, clinic.monitor)
        self.console = HubClient(office.url, ADMIN)
        self.desk = HubClient(office.url, clinic.staff)
        self.tickets: list[Ticket] = []

    async def begin(self) -> None:
        """Connects all clients."""
        for client in (self.kiosk, self.monitor, self.console, self.desk):
            await self.clients.enter_async_context(client)


async def a_busy_day(day: Day) -> None:
    """Joins, serves and misuses until the close of the day."""
    await day.begin()
    await join(day)
    await write(day)
    await serve(day)
    day.hall.cut()
    await call(day, "R2", 30)
    day.hall.restore()
    await day.kiosk.live()
    await day.monitor.live()
    await misuse_a_kiosk(day)
    await send_invalid_frames(day)
    late = await day.clients.enter_async_context(HubClient(day.hall.url, day.clinic.monitor))
    await until(lambda: late.replica.lines.line("A").waiting_count > 500, what="a line in parts")
    await day.kiosk.snapshot("A", after=500)
    await day.kiosk.request("rpc.discover")
    await day.console.request("system.health")
    with contextlib.suppress(HubError):
        await day.console.update_ticket(day.tickets[-1].id, note=name_of(NOTES + 9999))
    await day.console.close_day()
    lines = [day.monitor.replica.lines.line(code) for code in "ABC"]
    await until(lambda: not any(line.waiting for line in lines), what="the end of the day")


async def join(day: Day) -> None:
    """All patients join under their names, most of them at the desk."""

    async def join_one(client: HubClient, number: int) -> Ticket:
        return await client.join_queue(SERVICES[number % 10], None, name_of(number), "ar")

    joining = [
        join_one(day.kiosk if n < BY_KIOSK else (day.desk, day.console)[n % 2], n) for n in range(PATIENTS)
    ]
    day.tickets = await asyncio.gather(*joining)


async def write(day: Day) -> None:
    """Notes, needs and corrected names."""
    changes = [
        day.desk.update_ticket(
            ticket.id, note=name_of(NOTES + n), needs=[name_of(NEEDS + n)], patient_name=name_of(n)
        )
        for n, ticket in enumerate(day.tickets[::5])
    ]
    await asyncio.gather(*changes)


async def serve(day: Day) -> None:
    """Performs every operation on waiting patients."""
    await call(day, "R1", 10)
    desk, console, waiting = day.console, day.console, iter(day.tickets[600:])
    for n in range(8):
        reason = name_of(REASONS + n)
        await desk.park(next(waiting).id, reason)
        parked = await desk.park(next(waiting).id, reason)
        await desk.unpark(parked.id, "first")
        await desk.transfer(next(waiting).id, "C", "last")
        await desk.undo()
        await console.set_priority(next(waiting).id, "high")
        await console.move(next(waiting).id, 2)
        await desk.cancel(next(waiting).id)
        called = await desk.call_patient(next(waiting).id, "R2")
        await desk.recall(called.id)
        await desk.no_show(called.id)
    await console.pause_counter("R1", name_of(REASONS + 90))
    await console.pause_service("C", name_of(REASONS + 91))


async def call(day: Day, counter: str, times: int) -> None:
    """Calls patients to a counter in turn: each call completes the patient before, and the last is completed, too."""
    await day.console.open_counter(counter)
    current: str | None = None
    for _ in range(times):
        called = await day.console.call_next_patient(counter, current)
        assert called.ticket is not None
        current = called.ticket.id
    assert current is not None
    await day.console.complete(current)


async def misuse_a_kiosk(day: Day) -> None:
    """Sends names in every wrong parameter, repeats keys and calls forbidden methods; no refusal may echo a name."""
    name, ticket = name_of(11), day.tickets[601].id
    joined: dict[str, Any] = {"service": "A", "key": "twice", "patient_name": name}
    first = await day.kiosk.request("tickets.join", joined)
    assert (await day.kiosk.request("tickets.join", joined))["ticket"]["id"] == first["ticket"]["id"]
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("tickets.join", joined | {"patient_name": name_of(12)}),
        ("tickets.join", joined | {"patient_name": name * 20}),
        ("tickets.join", joined | {"patient_name": name + "\0"}),
        ("tickets.join", joined | {"patient_name": [name]}),
        ("tickets.join", joined | {"priority": name}),
        ("tickets.join", joined | {"language": name}),
        ("tickets.join", joined | {name: name}),
        ("tickets.join", joined | {"service": "C", "key": name}),
        ("tickets.cancel", {"ticket": name, "key": "k"}),
        ("tickets.cancel", {"ticket": ticket, "key": "k"}),
        ("tickets.get", {"ticket": str(uuid4())}),
        ("tickets.update", {"ticket": ticket, "key": "k", "note": name}),
        ("queue.park", {"ticket": ticket, "key": "k", "reason": name}),
        ("queue.subscribe", {"services": None, "since": {name: -1}}),
        ("queue.subscribe", {"services": None, "epoch": [name]}),
        (name, {}),
    ]
    for client in (day.kiosk, day.monitor):
        for method, params in wrong:
            with pytest.raises(HubError):
                await client.request(method, params)
    await day.kiosk.get_ticket(ticket)


async def send_invalid_frames(day: Day) -> None:
    """Sends frames that are no requests, and hellos with canaries as credentials."""
    name = json.dumps(name_of(13))
    credentials = json.dumps({"token": day.clinic.kiosk.token})
    hello = f'{{"jsonrpc":"2.0","id":1,"method":"session.hello","params":{{"credentials":{credentials}}}}}'
    nonsense = [
        f'{{"jsonrpc":{name},"id":1,"method":"ping"}}',
        f'{{"jsonrpc":"2.0","id":1,"method":{name}}}',
        f'{{"jsonrpc":"2.0","id":1,"method":"ping",{name}:1}}',
        f'{{"jsonrpc":"2.0","id":1,"method":"ping","params":{name}}}',
        f'{{"jsonrpc":"2.0","id":[{name}],"method":"ping"}}',
        f'{{"jsonrpc":"2.0","id":1,"method":"tickets.join","params":{{"patient_name":{name}',
        f"[{name}]",
        name,
    ]
    strangers = [
        {"username": name_of(14), "password": name_of(15)},
        {"token": name_of(16)},
        {"session": name_of(17)},
    ]
    for introduction in [hello, *map(hello_with, strangers)]:
        await send_in_turn(
            day.hall.url, [introduction, *nonsense] if introduction is hello else [introduction]
        )
    await exceed_the_rate(day.hall.url, hello, nonsense[1])


def hello_with(credentials: dict[str, str]) -> str:
    """A hello request with these credentials and a canary as the client's name."""
    params = {"client": name_of(18), "credentials": credentials}
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "session.hello", "params": params}, ensure_ascii=False
    )


async def send_in_turn(url: str, texts: Sequence[str]) -> None:
    """Sends texts, each when the one before is answered."""
    async with connect(url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None) as socket:
        for text in texts:
            await socket.send(text)
            await in_time(socket.recv())


async def exceed_the_rate(url: str, introduction: str, text: str) -> None:
    """Sends the same text faster than a device may, until `rate_limited`: the log then quotes the request."""
    async with connect(url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None) as socket:
        for frame in [introduction, *[text] * 400]:
            await socket.send(frame)
        while "rate_limited" not in str(await in_time(socket.recv())):
            pass


def pages(url: str) -> Iterable[bytes]:
    """The hub's pages beside the WebSocket."""
    for name in ("metrics", "readyz", "livez"):
        with urlopen(
            url.replace("ws://", "http://").replace("/ws", f"/{name}"), timeout=WAIT_SECONDS
        ) as answer:
            yield answer.read()
