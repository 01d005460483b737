"""Proxies in a thread of their own, for tests that block: each order is carried out before the call returns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from tests.support.faults.fault_proxy import FaultProxy, Target
from tests.support.waiting import WAIT_SECONDS


class Wire:
    """One proxy, told from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, proxy: FaultProxy) -> None:
        self._loop, self._proxy = loop, proxy

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._proxy.port

    @property
    def connections(self) -> int:
        """How many are open."""
        return self._proxy.connections

    @property
    def given_up(self) -> dict[str, float]:
        """When the latest half-open connection was closed by its "client" and its "server" (monotonic seconds)."""
        return dict(self._proxy.given_up)

    def heal(self) -> None:
        """Everything goes through again."""
        self._do(self._proxy.heal)

    def freeze(self) -> None:
        """Nothing is forwarded, nothing closed."""
        self._do(self._proxy.freeze)

    def freeze_open_ones(self) -> None:
        """The connections that are open now are half-open from now on."""
        self._do(self._proxy.freeze_open_ones)

    def cut(self, *, refuse: bool = False) -> None:
        """Closes every connection; with `refuse` new ones are turned away until it heals."""
        self._do(lambda: setattr(self._proxy, "refuses", refuse))
        self._do(self._proxy.cut)

    def reset(self) -> None:
        """Resets every connection."""
        self._do(self._proxy.reset)

    def both_ways(self, **faults: Any) -> None:
        """Sets faults of `Way` in both directions."""

        def set_them() -> None:
            for name, value in faults.items():
                setattr(self._proxy.up, name, value)
                setattr(self._proxy.down, name, value)

        self._do(set_them)

    def _do(self, act: Callable[[], None]) -> None:
        async def done() -> None:
            act()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(WAIT_SECONDS)


@contextmanager
def bad_wires(*targets: Target) -> Iterator[list[Wire]]:
    """A wire to each target, all healthy."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="bad wires")
    thread.start()
    proxies = [FaultProxy(target) for target in targets]
    try:
        for proxy in proxies:
            asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result(WAIT_SECONDS)
        yield [Wire(loop, proxy) for proxy in proxies]
    finally:
        for proxy in proxies:
            asyncio.run_coroutine_threadsafe(proxy.__aexit__(), loop).result(WAIT_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
