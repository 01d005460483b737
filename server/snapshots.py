"""A line's snapshot, read by one statement and shared by every client that needs it at the same revision."""

from __future__ import annotations

import asyncio

import msgspec

from core.tickets import Snapshot
from server.queue_operations import QueueOperations

PART_SIZE = 500
"""Waiting tickets a message."""

SnapshotParts = tuple[Snapshot, ...]
"""The parts of one line at one revision; the first has every list, the others only who waits behind."""


def part(whole: Snapshot, after: int) -> Snapshot:
    """The `PART_SIZE` waiting behind place `after`; the lists beside the line come with the first part."""
    waiting = whole.waiting[after : after + PART_SIZE]
    cut = msgspec.structs.replace(whole, waiting=waiting, more=max(0, len(whole.waiting) - after - PART_SIZE))
    if after == 0:
        return cut
    return msgspec.structs.replace(cut, consulting=(), parked=(), recent=(), missed=())


def parts(whole: Snapshot) -> SnapshotParts:
    """A snapshot in messages of at most `PART_SIZE` waiting tickets."""
    return tuple(part(whole, after) for after in range(0, max(len(whole.waiting), 1), PART_SIZE))


class Snapshots:
    """Reads snapshots; clients that ask while one is being read, or before anything changed, share it."""

    def __init__(self, operations: QueueOperations) -> None:
        self._operations = operations
        self._held: dict[str, Snapshot] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def at_least(self, service: str, revision: int) -> Snapshot:
        """The line at `revision` or later. Raises UnknownService or Unavailable."""
        async with self._locks.setdefault(service, asyncio.Lock()):
            held = self._held.get(service)
            if held is None or held.revision < revision:
                held = self._held[service] = await self._operations.whole_line(service)
            return held

    def forget(self) -> None:
        """Nothing that was read is true any more: another epoch."""
        self._held.clear()
