"""Sizes of the long tests: seconds in `make test`, far longer in `make prove`."""

from __future__ import annotations

import os

LONG = os.environ.get("INTURN_PROVE") == "1"


def proof_size(usual: int, long: int) -> int:
    """The size in this run: steps, tickets, kills or seconds."""
    return long if LONG else usual
