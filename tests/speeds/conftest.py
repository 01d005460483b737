"""What is measured in seconds: `make prove` alone runs it, with nothing beside it."""

from __future__ import annotations

from tests.faults.conftest import killable, new_trial, recovery_times
from tests.server.conftest import cluster_data, no_qt_garbage
from tests.support.proof_size import LONG

__all__ = ["cluster_data", "killable", "new_trial", "no_qt_garbage", "recovery_times"]

collect_ignore_glob = [] if LONG else ["test_*.py"]
