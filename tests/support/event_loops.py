"""Event loops of tests, Qt's or asyncio's, and a runner for a coroutine on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.waiting import CANCEL_SECONDS

Run = Callable[[Awaitable[Any]], Any]


@contextmanager
def current(loop: asyncio.AbstractEventLoop) -> Iterator[asyncio.AbstractEventLoop]:
    """Makes `loop` the current loop while the block runs; then cancels its remaining tasks and closes it.

    Raises AssertionError when a task survives its cancellation.
    """
    asyncio.set_event_loop(loop)
    yield loop
    stubborn = loop.run_until_complete(_cancelled(asyncio.all_tasks(loop)))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    asyncio.set_event_loop(None)
    assert not stubborn, f"these tasks outlive their cancellation: {stubborn}"


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Cancels `tasks` and returns those that survive the cancellation."""
    for task in tasks:
        task.cancel()
    return (await asyncio.wait(tasks, timeout=CANCEL_SECONDS))[1] if tasks else set()


def runner(loop: asyncio.AbstractEventLoop, seconds: float) -> Run:
    """A function that runs a coroutine on `loop` and returns its result; TimeoutError after `seconds`."""

    async def in_time(work: Awaitable[Any]) -> Any:
        async with asyncio.timeout(seconds):
            return await work

    return lambda work: loop.run_until_complete(in_time(work))
