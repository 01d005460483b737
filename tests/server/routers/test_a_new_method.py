"""The steps of adding a wire method (ARCHITECTURE.md): a forgotten step turns a test red that names its file.

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

NOT_CALLED = {"queue.subscribe", "session.end"}
"""Methods that tests/support/changing_methods.py does not call: the first begins a client's work, the second ends it."""
CALLED_BY_THE_SESSION = {"ping", "queue.subscribe", "session.end"}
"""Methods that the client's session calls itself, so that `HubOperations` need not offer them."""


def test_the_roles_of_every_method_are_promised() -> None:
    assert set(REGISTRY) == set(PROTOCOL), "write the method's roles into tests/server/routers/test_roles.py"


def test_every_method_has_parameters_to_be_called_with() -> None:
    playable = {*CHANGES, *READINGS, *NOT_CALLED}
    assert set(REGISTRY) == playable, "write its parameters into tests/support/changing_methods.py"
    keyed = {name for name, command in REGISTRY.items() if command.keyed}
    assert set(CHANGES) == keyed, (
        "methods with a key belong into CHANGES of tests/support/changing_methods.py"
    )


def test_clients_can_call_every_method() -> None:
    files = ("hub_operations.py", "administration_operations.py")
    source = "".join((ROOT / "core" / "client" / file).read_text("utf-8") for file in files)
    offered = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', source))
    assert set(REGISTRY) - CALLED_BY_THE_SESSION <= offered, "write it into core/client/hub_operations.py"


def test_every_method_is_in_the_openrpc_document() -> None:
    written = json.loads((ROOT / "docs" / "openrpc.json").read_text("utf-8"))
    described = {method["name"] for method in written["methods"]}
    assert {method["name"] for method in document().methods} == described, "run `make openrpc`"
