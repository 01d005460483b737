"""Fault proxies in a thread of their own, for blocking tests: a fault is in force when the call returns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from tests.support.faults.fault_proxy import FaultProxy, Target
from tests.support.waiting import WAIT_SECONDS


class Wire:
    """A fault proxy that any thread may control."""

    def __init__(self, loop: asyncio.AbstractEventLoop, proxy: FaultProxy) -> None:
        self._loop, self._proxy = loop, proxy

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return self._proxy.port

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return self._proxy.connections

    @property
    def given_up(self) -> dict[str, float]:
        """When "client" and "server" closed the latest half-open connection (monotonic seconds)."""
        return dict(self._proxy.given_up)

    def heal(self) -> None:
        """Ends every fault."""
        self._do(self._proxy.heal)

    def freeze(self) -> None:
        """Stops forwarding; connections stay open."""
        self._do(self._proxy.freeze)

    def make_half_open(self) -> None:
        """Makes the open connections half-open; new connections work."""
        self._do(self._proxy.make_half_open)

    def cut(self, *, refuse: bool = False) -> None:
        """Closes every connection; with `refuse`, new connections are reset until `heal`."""
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
    """Yields a healthy wire to each target."""
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
