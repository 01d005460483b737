"""The steps of adding a wire method (ARCHITECTURE.md): each one that is forgotten turns a test red that names its file.

The operation's SQL function has a test of its own: `tests/server/schema/test_hub_role.py`.
"""

from __future__ import annotations

import json
import re

from server.routers.openrpc import document
from server.routers.registry import REGISTRY
from tests.server.routers.test_roles import PROTOCOL
from tests.support.changing_methods import CHANGES, READINGS
from tests.support.places import ROOT

WITHOUT_A_STORY = {"queue.subscribe", "session.end"}
"""Methods that tests/support/changing_methods.py can't play: one begins a client's life, the other ends it."""
ASKED_BY_THE_SESSION = {"ping", "queue.subscribe", "session.end"}
"""Methods that a client asks by itself, so that nothing offers them to its user."""


def test_its_roles_are_promised() -> None:
    assert set(REGISTRY) == set(PROTOCOL), "write the method's roles into tests/server/routers/test_roles.py"


def test_it_has_parameters_to_be_tried_with() -> None:
    playable = {*CHANGES, *READINGS, *WITHOUT_A_STORY}
    assert set(REGISTRY) == playable, "write its parameters into tests/support/changing_methods.py"
    keyed = {name for name, command in REGISTRY.items() if command.keyed}
    assert set(CHANGES) == keyed, (
        "methods with a key belong into CHANGES of tests/support/changing_methods.py"
    )


def test_clients_can_ask_it() -> None:
    source = (ROOT / "core" / "client" / "hub_operations.py").read_text("utf-8")
    offered = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', source))
    assert set(REGISTRY) - ASKED_BY_THE_SESSION <= offered, "write it into core/client/hub_operations.py"


def test_it_is_described() -> None:
    written = json.loads((ROOT / "docs" / "openrpc.json").read_text("utf-8"))
    described = {method["name"] for method in written["methods"]}
    assert {method["name"] for method in document().methods} == described, "run `make openrpc`"
