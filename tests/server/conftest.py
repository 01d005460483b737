"""Fixtures for tests of the server's parts."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from tests.support.event_loops import current
from tests.support.private_clusters import (
    cluster,
    cluster_data,
    cluster_root,
    no_namespaces,
    shared,
    unprivileged_folder,
)

__all__ = ["cluster", "cluster_data", "cluster_root", "no_namespaces", "shared", "unprivileged_folder"]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """asyncio's own event loop, as in the hub."""
    with current(asyncio.new_event_loop()) as loop:
        yield loop


@pytest.fixture
def no_qt_garbage() -> None:
    """Collects the Qt objects that earlier tests left; for tests with threads.

    Collected later, on a thread other than Qt's, such an object crashes the process.
    """
    gc.collect()
