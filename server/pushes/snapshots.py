"""A line's snapshot as messages: parts of at most 500 waiting tickets, each encoded once a view and shared by clients."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from core.line.tickets import Snapshot
from core.wire.protocol import encode, push_frame
from server.door.visibility import View, snapshot_view
from server.pushes.outbox import text_frame

PART_SIZE = 500
"""Waiting tickets in one message."""


def part(whole: Snapshot, after: int) -> Snapshot:
    """The part with the `PART_SIZE` waiting tickets after place `after`; the other lists are in the first part only."""
    waiting = whole.waiting[after : after + PART_SIZE]
    cut = msgspec.structs.replace(whole, waiting=waiting, more=max(0, len(whole.waiting) - after - PART_SIZE))
    if after == 0:
        return cut
    return msgspec.structs.replace(cut, consulting=(), parked=(), recent=(), missed=())


class EncodedSnapshot:
    """One line at one revision in one view. A part is encoded at its first use.

    Attributes:
        service: the service's code. epoch: the database's. revision: the line's.
    """

    def __init__(self, whole: Snapshot, view: View) -> None:
        self.service, self.epoch, self.revision = whole.service, whole.epoch, whole.revision
        self._whole = whole
        self._view = view
        self._bodies: list[msgspec.Raw] = []
        self._frames: list[bytes] = []

    @property
    def first(self) -> msgspec.Raw:
        """The first part as JSON, for the answer to `queue.subscribe`."""
        return self._body(0)

    def frames(self, *, behind_first: bool = False) -> Iterator[bytes]:
        """The parts as frames of `queue.snapshot`: all of them, or those after the first."""
        count = max(1, -(-len(self._whole.waiting) // PART_SIZE))
        for index in range(1 if behind_first else 0, count):
            while len(self._frames) <= index:
                body = self._body(len(self._frames))
                self._frames.append(text_frame(push_frame("queue.snapshot", body)))
            yield self._frames[index]

    def _body(self, index: int) -> msgspec.Raw:
        while len(self._bodies) <= index:
            cut = part(self._whole, len(self._bodies) * PART_SIZE)
            self._bodies.append(msgspec.Raw(encode(snapshot_view(cut, self._view))))
        return self._bodies[index]
