"""Parameters that do not fit a method are refused with the path of the wrong parameter, and nothing changes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from core.client.hub_client import HubClient
from core.errors import InvalidParams
from core.wire.session import PersonCredentials
from tests.support.clinic import PASSWORD, Clinic
from tests.support.hub_process import HubProcess

TICKET = {"ticket": str(uuid4()), "key": "k"}
MOVE, UPDATE = TICKET | {"position": 1}, TICKET | {"note": "n"}

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("tickets.join", {"service": "A", "key": "k", "priority": "urgent"}, "$.priority"),
    ("tickets.join", {"service": "A", "key": "k", "language": "klingon!"}, "$.language"),
    ("tickets.join", {"service": "A", "key": "k", "patient_name": ""}, "$.patient_name"),
    ("tickets.join", {"service": "A", "key": "k", "patient_name": "a\0b"}, "$.patient_name"),
    ("tickets.join", {"service": "A\0", "key": "k"}, "$.service"),
    ("tickets.join", {"service": "A", "key": ""}, "$.key"),
    ("tickets.join", {"service": "A", "key": "k\0"}, "$.key"),
    ("tickets.update", TICKET, "$"),
    ("tickets.update", UPDATE | {"note": "n" * 2001}, "$.note"),
    ("tickets.update", UPDATE | {"note": 7}, "$.note"),
    ("tickets.update", UPDATE | {"needs": ["interpreter"] * 21}, "$.needs"),
    ("tickets.update", UPDATE | {"needs": ["n" * 41]}, "$.needs[0]"),
    ("tickets.update", UPDATE | {"needs": [""]}, "$.needs[0]"),
    ("tickets.update", UPDATE | {"needs": "wheelchair"}, "$.needs"),
    ("tickets.update", UPDATE | {"language": "a b"}, "$.language"),
    ("tickets.update", UPDATE | {"priority": "high"}, "$"),
    ("queue.call_next", {"counter": "", "key": "k"}, "$.counter"),
    ("queue.call_next", {"counter": "R1", "key": "k", "complete": "A001"}, "$.complete"),
    ("queue.call", TICKET, "$"),
    ("queue.call", TICKET | {"counter": "R" * 33}, "$.counter"),
    ("queue.recall", TICKET | {"ticket": "A001"}, "$.ticket"),
    ("queue.complete", {"ticket": TICKET["ticket"]}, "$"),
    ("queue.no_show", TICKET | {"key": "k" * 65}, "$.key"),
    ("queue.park", TICKET | {"reason": "r" * 201}, "$.reason"),
    ("queue.unpark", TICKET | {"place": "middle"}, "$.place"),
    ("queue.transfer", TICKET | {"service": "B"}, "$"),
    ("queue.transfer", TICKET | {"service": "B", "place": None}, "$.place"),
    ("queue.transfer", TICKET | {"service": "", "place": "last"}, "$.service"),
    ("queue.set_priority", TICKET | {"priority": "urgent"}, "$.priority"),
    ("queue.set_priority", TICKET, "$"),
    ("queue.move", MOVE | {"position": 0}, "$.position"),
    ("queue.move", MOVE | {"position": -1}, "$.position"),
    ("queue.move", MOVE | {"position": 1.5}, "$.position"),
    ("queue.move", MOVE | {"position": "1"}, "$.position"),
    ("queue.move", MOVE | {"position": 10**30}, "$.position"),
    ("queue.undo", {"key": "k"}, "$"),
    ("queue.undo", {"key": "k", "operation": ""}, "$.operation"),
    ("queue.snapshot", {"service": "A", "after": -1}, "$.after"),
    ("queue.subscribe", {"services": None, "since": {"A": -1}}, "$.since[...]"),
    ("queue.subscribe", {"services": None, "since": {"A": 10**30}}, "$.since[...]"),
    ("services.pause", {"service": "A", "key": "k", "reason": "r" * 201}, "$.reason"),
    ("services.close", {"key": "k"}, "$"),
    ("services.close_day", {"key": "k", "service": ""}, "$.service"),
    ("counters.pause", {"counter": "R1", "key": "k", "reason": "r" * 201}, "$.reason"),
    ("ping", {"made_up": 1}, "$"),
]


async def test_each_wrong_parameter_is_named(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, PersonCredentials("admin", PASSWORD), follow=False) as console:
        for method, params, path in WRONG:
            with pytest.raises(InvalidParams) as refused:
                await console.request(method, params)
            assert (method, refused.value.data["path"]) == (method, path), refused.value.message
            assert refused.value.message.endswith(".")
    assert clinic.rows("SELECT count(*) FROM requests") == [(0,)]
