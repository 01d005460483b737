"""Which connections the hub accepts, how many and how fast, and which connections it closes."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from server.administration import people_and_devices
from server.door.doorway import REFUSED_WITH_CODE
from server.door.limits import Limits
from tests.support.bare_sockets import ask, code_of, open_socket, reason_of, request, say_hello
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import WAIT_SECONDS


@contextmanager
def running(clinic: Clinic, **options: Any) -> Iterator[HubProcess]:
    """A hub with these options."""
    hub = HubProcess(clinic.database_url, **options)
    try:
        yield hub
    finally:
        hub.terminate()


@contextmanager
def unreachable_database(clinic: Clinic, postgres: str) -> Iterator[None]:
    """The clinic's database accepts no connections while the block runs."""
    name = make_url(clinic.database_url).database
    engine = create_engine(postgres, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
            ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
            connection.execute(ended, {"name": name})
        yield
        with engine.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    finally:
        engine.dispose()


async def until_same(ask_again: Callable[[], Awaitable[object]], expected: object) -> None:
    """Calls `ask_again` until it returns `expected`."""
    found = None
    for _ in range(200):
        if (found := await ask_again()) == expected:
            return
        await asyncio.sleep(0.03)
    pytest.fail(f"{expected!r} did not come, the last answer is {found!r}")


async def hello_at(hub: HubProcess) -> str:
    """The reason for which the hub refuses a new connection's hello; "" if it accepts it."""
    try:
        async with open_socket(hub) as socket:
            return reason_of(await say_hello(socket))
    except (OSError, ConnectionClosed, InvalidMessage):
        return "closed"


async def page_status(hub: HubProcess, path: str) -> int:
    """The HTTP status of a page."""
    url = hub.url.replace("ws://", "http://").replace("/ws", path)

    def read() -> int:
        try:
            with urllib.request.urlopen(url, timeout=WAIT_SECONDS) as page:
                return int(page.status)
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code

    return await asyncio.to_thread(read)


async def test_a_web_page_of_a_foreign_origin_is_refused(clinic: Clinic) -> None:
    with running(clinic, origins=["https://clinic.example"]) as hub:
        for foreign in ("https://evil.example", "null", "http://clinic.example"):
            with pytest.raises(InvalidStatus) as refused:
                await open_socket(hub, origin=foreign)
            assert refused.value.response.status_code == 403
        async with open_socket(hub, origin="https://clinic.example") as page, open_socket(hub) as program:
            assert reason_of(await say_hello(page)) == ""
            assert reason_of(await say_hello(program)) == ""


async def test_the_rate_limit_slows_only_the_client_that_exceeds_it(clinic: Clinic) -> None:
    flood = 60

    with running(clinic, limits=Limits(device_rate=20, device_burst=10)) as hub:
        async with open_socket(hub) as kiosk, open_socket(hub) as other:
            await say_hello(kiosk, token=clinic.kiosk.token)
            await say_hello(other)
            for _ in range(flood):
                await kiosk.send(request("ping", {}))
            honest = [reason_of(await ask(other, request("ping", {}))) for _ in range(flood)]
            assert honest == [""] * flood
            answers = [json.loads(await kiosk.recv()) for _ in range(flood)]
            reasons = [reason_of(answer) for answer in answers]
            waits = [answer["error"]["data"]["retry_after"] for answer in answers if "error" in answer]
            assert 0 < min(waits) <= max(waits) <= 0.06
            assert reasons[:10] == [""] * 10
            assert set(reasons[10:]) == {"", "rate_limited"}


async def test_a_connection_above_the_limit_gets_4429_until_another_ends(clinic: Clinic) -> None:
    with running(clinic, limits=Limits(connections_per_address=5)) as hub:
        async with AsyncExitStack() as opened:
            for _ in range(4):
                await say_hello(await opened.enter_async_context(open_socket(hub)))
            last = open_socket(hub)
            async with last as socket:
                assert reason_of(await say_hello(socket)) == ""
                async with open_socket(hub) as surplus:
                    assert await code_of(surplus) == 4429
                assert await page_status(hub, "/livez") == 429
            await until_same(lambda: page_status(hub, "/livez"), 200)
            async with open_socket(hub) as socket:
                assert reason_of(await say_hello(socket)) == ""


async def test_a_crowd_of_surplus_connections_is_closed_on_arrival(clinic: Clinic) -> None:
    with running(clinic, limits=Limits(connections_per_address=5)) as hub:
        host, port = make_url(hub.url).host, make_url(hub.url).port
        silent = [await asyncio.open_connection(host, port) for _ in range(5 + REFUSED_WITH_CODE)]
        assert await hello_at(hub) == "closed"
        for _, writer in silent:
            writer.close()
        await until_same(lambda: hello_at(hub), "")


async def test_plain_pages_have_a_limit_of_their_own(clinic: Clinic) -> None:
    with running(clinic, limits=Limits(pages_per_second=0.01, pages_at_once=3)) as hub:
        found = [await page_status(hub, "/livez") for _ in range(6)]
        assert found == [200, 200, 200, 429, 429, 429]
        async with open_socket(hub) as socket:
            assert reason_of(await say_hello(socket)) == ""


async def test_a_session_above_the_limit_ends_the_persons_oldest_session(clinic: Clinic) -> None:
    with running(clinic, limits=Limits(sessions_per_person=2)) as hub:
        async with open_socket(hub) as first, open_socket(hub) as second, open_socket(hub) as third:
            oldest = (await say_hello(first))["result"]["session"]
            await say_hello(second)
            newest = (await say_hello(third))["result"]["session"]
            assert await code_of(first) == 4401
            assert reason_of(await ask(second, request("ping", {}))) == ""
            assert reason_of(await ask(third, request("ping", {}))) == ""
        async with open_socket(hub) as back:
            assert reason_of(await say_hello(back, session=newest)) == ""
        async with open_socket(hub) as gone:
            assert reason_of(await say_hello(gone, session=oldest)) == "unauthenticated"
            assert await code_of(gone) == 4401


async def test_a_shared_account_signs_in_concurrently_and_guesses_are_throttled(
    clinic: Clinic, hub: HubProcess
) -> None:
    async def hello(password: str) -> str:
        async with open_socket(hub) as socket:
            return reason_of(await say_hello(socket, username="supervisor", password=password))

    colleagues = await asyncio.gather(*[hello(clinic.supervisor.password) for _ in range(12)])
    assert colleagues == [""] * 12
    guesses = Counter(await asyncio.gather(*[hello("letmein") for _ in range(30)]))
    assert set(guesses) == {"unauthenticated", "rate_limited"}
    assert guesses["unauthenticated"] <= 10
    assert await hello(clinic.supervisor.password) == "rate_limited"


async def test_signing_out_answers_and_closes_every_socket_of_the_session(
    clinic: Clinic, hub: HubProcess
) -> None:
    async with open_socket(hub) as here, open_socket(hub) as there, open_socket(hub) as stranger:
        session = (await say_hello(here))["result"]["session"]
        await say_hello(there, session=session)
        await say_hello(stranger)
        assert "result" in await ask(here, request("session.end", {}))
        assert await asyncio.gather(code_of(here), code_of(there)) == [4401, 4401]
        assert reason_of(await ask(stranger, request("ping", {}))) == ""
    async with open_socket(hub) as again:
        assert reason_of(await say_hello(again, session=session)) == "unauthenticated"


@pytest.mark.parametrize("gone", ["device", "user", "expired"])
async def test_a_revoked_client_is_disconnected(clinic: Clinic, hub: HubProcess, gone: str) -> None:
    async with open_socket(hub) as kiosk, open_socket(hub) as monitor, open_socket(hub) as person:
        await say_hello(kiosk, token=clinic.kiosk.token)
        await say_hello(monitor, token=clinic.monitor.token)
        session = (await say_hello(person))["result"]["session"]
        went, stayed = {"device": (kiosk, person), "user": (person, kiosk), "expired": (person, kiosk)}[gone]
        if gone == "expired":
            clinic.rows("UPDATE sessions SET expires_at = clock_timestamp() + interval '1 s' RETURNING 1")
            went = await person_again(hub, session)
        else:
            await asyncio.to_thread(end, clinic, gone)
        assert await code_of(went) == 4401
        with pytest.raises(ConnectionClosed):
            await went.send(request("ping", {}))
        assert reason_of(await ask(stayed, request("ping", {}))) == ""
        assert reason_of(await ask(monitor, request("ping", {}))) == ""


def end(clinic: Clinic, gone: str) -> None:
    """Revokes the device or disables the user, as an administrator does on the command line."""
    engine = clinic.engine()
    if gone == "device":
        people_and_devices.revoke_device(engine, "Hall kiosk")
    else:
        people_and_devices.disable_user(engine, "staff")
    engine.dispose()


async def person_again(hub: HubProcess, session: str) -> ClientConnection:
    """A connection that is signed in with the session."""
    socket = await open_socket(hub)
    assert reason_of(await say_hello(socket, session=session)) == ""
    return socket


@pytest.mark.logs_expected
async def test_known_clients_are_admitted_again_while_the_database_is_unreachable(
    clinic: Clinic, hub: HubProcess, postgres: str
) -> None:
    async def hello(**credentials: str) -> str:
        async with open_socket(hub) as socket:
            return reason_of(await say_hello(socket, **credentials))

    engine = clinic.engine()
    revoked = people_and_devices.add_device(engine, "Old kiosk", "kiosk")
    async with open_socket(hub) as person, open_socket(hub) as leaver:
        session = (await say_hello(person))["result"]["session"]
        ended = (await say_hello(leaver))["result"]["session"]
        assert await hello(token=clinic.kiosk.token) == ""
        assert await hello(token=revoked) == ""
        await ask(leaver, request("session.end", {}))
    async with open_socket(hub) as witness:
        await say_hello(witness, token=people_and_devices.add_device(engine, "Witness", "kiosk"))
        people_and_devices.revoke_device(engine, "Old kiosk")
        people_and_devices.revoke_device(engine, "Witness")
        assert await code_of(witness) == 4401
    engine.dispose()
    with unreachable_database(clinic, postgres):
        assert await hello(token=clinic.kiosk.token) == ""
        assert await hello(session=session) == ""
        for stranger in (
            {"token": clinic.monitor.token},
            {"token": revoked},
            {"session": ended},
            {"username": "staff", "password": "correct horse"},
        ):
            assert await hello(**stranger) == "unavailable"
    await until_same(lambda: hello(token=clinic.monitor.token), "")
