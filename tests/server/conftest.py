"""Fixtures for tests of the server's parts."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from tests.support.event_loops import current
from tests.support.private_clusters import (
    cluster,
    cluster_root,
    made_once,
    no_namespaces,
    nobodys_folder,
    shared,
)

__all__ = ["cluster", "cluster_root", "made_once", "no_namespaces", "nobodys_folder", "shared"]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of one test: asyncio's own, as in the hub."""
    with current(asyncio.new_event_loop()) as loop:
        yield loop


@pytest.fixture
def nothing_left_of_windows() -> None:
    """For tests with threads of their own: what earlier tests left of Qt is collected here and now.

    On another thread, whichever happens to collect garbage, Qt would crash of it.
    """
    gc.collect()
