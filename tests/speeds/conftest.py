"""What is measured in seconds: `make prove` alone runs it, with nothing beside it."""

from __future__ import annotations

from tests.faults.conftest import killable, new_trial, recovery_times
from tests.server.conftest import made_once, nothing_left_of_windows
from tests.support.proof_size import LONG

__all__ = ["killable", "made_once", "new_trial", "nothing_left_of_windows", "recovery_times"]

collect_ignore_glob = [] if LONG else ["test_*.py"]
