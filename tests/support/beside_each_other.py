"""Files of tests beside each other, one to each worker; at last, with nothing beside them, the tests marked `alone`."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

ALONE = "alone"


def mark_groups(items: list[pytest.Item]) -> None:
    """Those marked `alone` are one group: xdist puts its name behind their ids, all that the scheduler gets to see."""
    for item in items:
        if item.get_closest_marker(ALONE):
            item.add_marker(pytest.mark.xdist_group(ALONE))


class AloneAtLast(LoadScopeScheduling):
    """Gives out files; the worker that is left when the others have ended gets the tests that must be alone."""

    def schedule(self) -> None:
        """Gives everybody something to begin with."""
        super().schedule()
        self._put_alone_last()

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker has ended: the other may be the last. Returns the test of which it died."""
        died_of = super().remove_node(node)
        self._put_alone_last()
        for other in self.nodes:
            self._reschedule(other)
        return died_of

    def _put_alone_last(self) -> None:
        if ALONE in self.workqueue:
            self.workqueue.move_to_end(ALONE)

    def _assign_work_unit(self, node: WorkerController) -> None:
        self._put_alone_last()
        others = [other for other in self.nodes if other is not node]
        if next(iter(self.workqueue)) != ALONE or not others:
            super()._assign_work_unit(node)
        elif not all(other.shutting_down for other in others):
            node.shutdown()

    def _split_scope(self, nodeid: str) -> str:
        return ALONE if nodeid.endswith(f"@{ALONE}") else nodeid.split("::", 1)[0]
