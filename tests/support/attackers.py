"""Hostile clients, in a process of their own that comes last: what they cost the hub is looked for, not what they cost a
computer that they share with it here and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from itertools import count
from multiprocessing.connection import Connection
from typing import TypeAlias

from tests.support.raw_frames import BROKEN, CONTINUATION, PING, TEXT, UPGRADE, RawConnection, frame, hello

SOURCE = "127.0.0.66"
"""The first attackers' address; each attack has one of its own, with all that an address may use up."""
_source = ContextVar("source", default=SOURCE)
_context = multiprocessing.get_context("forkserver")

Tally: TypeAlias = "Counter[str]"
Attack: TypeAlias = Callable[[int, str, Tally], Awaitable[None]]


async def arrive(port: int) -> RawConnection:
    """Connects from this attack's address."""
    return await RawConnection.open(port, _source.get())


async def elsewhere(port: int, token: str, tally: Tally) -> None:
    """No attack: a program as busy as the others, on the same processors, that leaves the hub alone."""
    tally["rounds"] += bool(sum(range(5000)))
    await asyncio.sleep(0.001)


async def broken_frames(port: int, token: str, tally: Tally) -> None:
    """Signs in as a device that was stolen and sends one broken frame after the other."""
    for data, _ in [*BROKEN.values()]:
        connection = await arrive(port)
        await connection.upgrade()
        connection.writer.write(hello(token) + data)
        tally[str(await connection.close_code())] += 1
        connection.close()


async def say_hello(connection: RawConnection, token: str) -> None:
    """Signs in as a device that was stolen."""
    connection.writer.write(hello(token))
    opcode, _ = await connection.read_frame()
    assert opcode == TEXT


async def huge_texts(port: int, token: str, tally: Tally) -> None:
    """As a stolen device: frames of 64 KiB full of brackets, quotes and digits, as fast as they are taken."""
    connection = await arrive(port)
    await connection.upgrade()
    await say_hello(connection, token)
    nasty = [b"[]" * 32_000, b'"\\' * 32_000, b"[" * 65_000, b"9" * 65_000, b'{"jsonrpc":' * 5_900]
    frames = [frame(TEXT, text) for text in nasty]
    reading = asyncio.ensure_future(connection.close_code())  # noqa: TID251  ended with the process
    for data in frames * 10:
        connection.writer.write(data)
        await connection.writer.drain()
        tally["sent"] += 1
    reading.cancel()
    connection.close()


async def fragments(port: int, token: str, tally: Tally) -> None:
    """A message of a great many tiny pieces that never ends."""
    connection = await arrive(port)
    await connection.upgrade()
    await say_hello(connection, token)
    tiny = frame(CONTINUATION, b"", fin=False) * 40_000
    connection.writer.write(frame(TEXT, b"[", fin=False) + tiny)
    tally[str(await connection.close_code())] += 1
    connection.close()


async def pings(port: int, token: str, tally: Tally) -> None:
    """Forty thousand pings at once, half of them before anybody said hello."""
    for known in (True, False):
        connection = await arrive(port)
        await connection.upgrade()
        if known:
            await say_hello(connection, token)
        connection.writer.write(frame(PING) * 20_000)
        tally[str(await connection.close_code())] += 1
        connection.close()


async def crumbs(port: int, token: str, tally: Tally) -> None:
    """Complete texts of two bytes, forty thousand at once; the answers are read as they come."""
    connection = await arrive(port)
    await connection.upgrade()
    await say_hello(connection, token)
    connection.writer.write(frame(TEXT, b"{}") * 40_000)
    for _ in range(10_000):
        tally[json.loads((await connection.read_frame())[1])["error"]["data"]["reason"]] += 1
    connection.close()


async def silent_crowd(port: int, token: str, tally: Tally) -> None:
    """Sockets that never say a word, opened as fast as they are taken."""
    crowd = []
    for _ in range(100):
        crowd.append(await arrive(port))
        tally["opened"] += 1
    await asyncio.sleep(0.2)
    for connection in crowd:
        connection.close()


async def slow_headers(port: int, token: str, tally: Tally) -> None:
    """A handshake a byte at a time, on many sockets."""
    crowd = [await arrive(port) for _ in range(50)]
    for byte in UPGRADE[:20]:
        for connection in crowd:
            connection.writer.write(bytes([byte]))
        tally["bytes"] += len(crowd)
        await asyncio.sleep(0.02)
    for connection in crowd:
        connection.close()


async def header_bombs(port: int, token: str, tally: Tally) -> None:
    """Too many headers, too long ones, a request line without end."""
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
    """Plain pages, one connection each."""
    connection = await arrive(port)
    connection.writer.write(b"GET /readyz HTTP/1.1\r\nHost: hub\r\n\r\n")
    tally[(await connection.reader.read(64))[9:12].decode("latin1") or "closed"] += 1
    connection.close()


async def passwords(port: int, token: str, tally: Tally) -> None:
    """Guesses at accounts, five to a connection, 200 a second in all."""
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
    """Guesses at a pairing code."""
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
    """A process that repeats one attack; `end` tells what it got."""

    def __init__(self, attack: Attack, port: int, token: str) -> None:
        self._ours, theirs = _context.Pipe()
        self._process = _context.Process(
            target=_attack, args=(attack.__name__, port, token, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        assert self._ours.recv() == "ready"

    def end(self) -> Tally:
        """Ends the attack; what was answered, and how often."""
        self._ours.send("enough")
        tally: Tally = self._ours.recv()
        self._process.join(10)
        return tally


def _attack(name: str, port: int, token: str, ready: Connection) -> None:
    os.nice(19)
    # It goes on writing where the hub has hung up.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    [(place, attack)] = [each for each in enumerate((elsewhere, *ATTACKS)) if each[1].__name__ == name]
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
        for task in tasks:
            task.cancel()
    ready.send(tally)
