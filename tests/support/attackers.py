"""Hostile clients in a process of their own with the lowest priority: tests measure what an attack costs the hub, not
what it costs a computer that hub and attackers share only in tests.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from itertools import count
from multiprocessing.connection import Connection
from typing import TypeAlias

from tests.support.forks import forks
from tests.support.raw_frames import BROKEN, CONTINUATION, PING, TEXT, UPGRADE, RawConnection, frame, hello
from tests.support.waiting import until

SOURCE = "127.0.0.66"
"""The address of the first attack; each attack has its own address, and with it all limits of an address."""
_source = ContextVar("source", default=SOURCE)

Tally: TypeAlias = "Counter[str]"
Attack: TypeAlias = Callable[[int, str, Tally], Awaitable[None]]


async def arrive(port: int) -> RawConnection:
    """Connects from this attack's address."""
    return await RawConnection.open(port, _source.get())


async def elsewhere(port: int, token: str, tally: Tally) -> None:
    """No attack: a program as busy as the attacks on the same processors, which sends the hub nothing."""
    tally["rounds"] += bool(sum(range(5000)))
    await asyncio.sleep(0.001)


async def broken_frames(port: int, token: str, tally: Tally) -> None:
    """Signs in as a stolen device and sends each broken frame on a new connection."""
    for data, _ in [*BROKEN.values()]:
        connection = await arrive(port)
        await connection.upgrade()
        connection.writer.write(hello(token) + data)
        tally[str(await connection.close_code())] += 1
        connection.close()


async def say_hello(connection: RawConnection, token: str) -> None:
    """Signs in as a stolen device."""
    connection.writer.write(hello(token))
    opcode, _ = await connection.read_frame()
    assert opcode == TEXT


async def huge_texts(port: int, token: str, tally: Tally) -> None:
    """Sends, as a stolen device, frames of 64 KiB full of brackets, quotes and digits, as fast as the hub reads them."""
    connection = await arrive(port)
    await connection.upgrade()
    await say_hello(connection, token)
    nasty = [b"[]" * 32_000, b'"\\' * 32_000, b"[" * 65_000, b"9" * 65_000, b'{"jsonrpc":' * 5_900]
    frames = [frame(TEXT, text) for text in nasty]
    reading = asyncio.ensure_future(connection.close_code())  # noqa: TID251  ends with the process
    for data in frames * 10:
        connection.writer.write(data)
        await connection.writer.drain()
        tally["sent"] += 1
    reading.cancel()
    connection.close()


async def fragments(port: int, token: str, tally: Tally) -> None:
    """Sends an endless message of empty fragments."""
    connection = await arrive(port)
    await connection.upgrade()
    await say_hello(connection, token)
    tiny = frame(CONTINUATION, b"", fin=False) * 40_000
    connection.writer.write(frame(TEXT, b"[", fin=False) + tiny)
    tally[str(await connection.close_code())] += 1
    connection.close()


async def pings(port: int, token: str, tally: Tally) -> None:
    """Sends 40,000 pings, half of them before hello."""
    for known in (True, False):
        connection = await arrive(port)
        await connection.upgrade()
        if known:
            await say_hello(connection, token)
        connection.writer.write(frame(PING) * 20_000)
        tally[str(await connection.close_code())] += 1
        connection.close()


async def crumbs(port: int, token: str, tally: Tally) -> None:
    """Sends 40,000 text frames of two bytes at once, and reads the replies."""
    connection = await arrive(port)
    await connection.upgrade()
    await say_hello(connection, token)
    connection.writer.write(frame(TEXT, b"{}") * 40_000)
    for _ in range(10_000):
        tally[json.loads((await connection.read_frame())[1])["error"]["data"]["reason"]] += 1
    connection.close()


async def silent_crowd(port: int, token: str, tally: Tally) -> None:
    """Opens silent connections as fast as the hub accepts them."""
    crowd = []
    for _ in range(100):
        crowd.append(await arrive(port))
        tally["opened"] += 1
    await asyncio.sleep(0.2)
    for connection in crowd:
        connection.close()


async def slow_headers(port: int, token: str, tally: Tally) -> None:
    """Sends a handshake a byte at a time, on 50 connections."""
    crowd = [await arrive(port) for _ in range(50)]
    for byte in UPGRADE[:20]:
        for connection in crowd:
            connection.writer.write(bytes([byte]))
        tally["bytes"] += len(crowd)
        await asyncio.sleep(0.02)
    for connection in crowd:
        connection.close()


async def header_bombs(port: int, token: str, tally: Tally) -> None:
    """Sends too many headers, too long headers and an endless request line."""
    many = UPGRADE[:-2] + b"X-Header: x\r\n" * 300 + b"\r\n"
    for bomb in (
        many,
        b"GET /" + b"x" * 20_000,
        UPGRADE[:-2] + b"X: " + b"y" * 20_000,
        bytes(range(256)) * 20,
    ):
        connection = await arrive(port)
        connection.writer.write(bomb)
        tally[(await connection.reader.read(64))[9:12].decode("latin1") or "closed"] += 1
        connection.close()


async def page_flood(port: int, token: str, tally: Tally) -> None:
    """Requests a page on a connection of its own."""
    connection = await arrive(port)
    connection.writer.write(b"GET /readyz HTTP/1.1\r\nHost: hub\r\n\r\n")
    tally[(await connection.reader.read(64))[9:12].decode("latin1") or "closed"] += 1
    connection.close()


async def passwords(port: int, token: str, tally: Tally) -> None:
    """Guesses passwords, five to a connection, 200 a second in all."""
    connection = await arrive(port)
    await connection.upgrade()
    guesses = count()
    for _ in range(5):
        name = ("staff", "admin", "nobody")[next(guesses) % 3]
        params = {"credentials": {"username": name, "password": "letmein"}}
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "session.hello", "params": params})
        connection.writer.write(frame(TEXT, text.encode()))
        _, answer = await connection.read_frame()
        tally[json.loads(answer)["error"]["data"]["reason"]] += 1
        if b"unauthenticated" in answer:
            break
        await asyncio.sleep(0.005)
    connection.close()


async def pairing_codes(port: int, token: str, tally: Tally) -> None:
    """Guesses a pairing code."""
    connection = await arrive(port)
    await connection.upgrade()
    text = '{"jsonrpc":"2.0","id":1,"method":"session.pair","params":{"code":"ABCDEFG"}}'
    connection.writer.write(frame(TEXT, text.encode()))
    _, answer = await connection.read_frame()
    tally[json.loads(answer)["error"]["data"]["reason"]] += 1
    connection.close()
    await asyncio.sleep(0.005)


ATTACKS: tuple[Attack, ...] = (
    broken_frames,
    huge_texts,
    fragments,
    pings,
    crumbs,
    silent_crowd,
    slow_headers,
    header_bombs,
    page_flood,
    passwords,
    pairing_codes,
)


class Attackers:
    """A process that repeats an attack; `end` returns its tally."""

    def __init__(self, attack: Attack, port: int, token: str) -> None:
        self._ours, theirs = forks.Pipe()
        self._process = forks.Process(
            target=_attack, args=(attack.__name__, port, token, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        assert self._ours.recv() == "ready"

    def end(self) -> Tally:
        """Ends the attack; returns the replies by kind, with their number."""
        self._ours.send("enough")
        tally: Tally = self._ours.recv()
        self._process.join(10)
        return tally


def _attack(name: str, port: int, token: str, ready: Connection) -> None:
    os.nice(19)
    # An attack keeps writing after the hub has closed the connection: asyncio warns of that.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    [(place, attack)] = [found for found in enumerate((elsewhere, *ATTACKS)) if found[1].__name__ == name]
    _source.set(f"127.0.0.{66 + place}")
    asyncio.run(_until_enough(attack, port, token, ready))


async def _until_enough(attack: Attack, port: int, token: str, ready: Connection) -> None:
    tally: Tally = Counter()

    async def repeat() -> None:
        while True:
            try:
                await attack(port, token, tally)
            except (OSError, EOFError, AssertionError) as error:
                tally[type(error).__name__] += 1
                await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(repeat()) for _ in range(2)]
        ready.send("ready")
        await asyncio.to_thread(ready.poll, None)
        await until(lambda: _took_place(attack, tally), what="a reply of the hub to the attack")
        for task in tasks:
            task.cancel()
    ready.send(tally)


def _took_place(attack: Attack, tally: Tally) -> bool:
    """Whether the hub has answered: on a busy machine the clinic may be done before the attack begins."""
    if attack is passwords:
        return tally["rate_limited"] > 0
    return attack is elsewhere or tally.total() > 0
