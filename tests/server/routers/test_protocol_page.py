"""docs/clients.md describes the wire that docs/openrpc.json describes: methods, pushes, errors, objects, close codes."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from core.roles import ADMIN, ALL_ROLES, DEVICE_ROLES, PERSON_ROLES, SUPERVISOR
from core.wire import protocol
from tests.support.places import DOCS

ROLES = {
    "before hello": frozenset[str](),
    "all": ALL_ROLES,
    "staff+": frozenset(PERSON_ROLES),
    "supervisor+": SUPERVISOR,
    "admin": ADMIN,
    **{role: frozenset({role}) for role in DEVICE_ROLES},
}


@cache
def described() -> Any:
    return json.loads((DOCS / "openrpc.json").read_text("utf-8"))


def rows(title: str) -> list[list[str]]:
    """The cells of the tables in the page's section, without the header rows."""
    page = (DOCS / "clients.md").read_text("utf-8")
    [section] = re.findall(rf"^##+ {title}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    cells = [re.split(r" ?\| ?", line)[1:-1] for line in section.splitlines() if line.startswith("| ")]
    return [row for row in cells if row[0].startswith("`") or row[0].isdigit()]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def roles(cell: str) -> set[str]:
    return set().union(*(ROLES[name] for name in cell.split(", ")))


def schema_name(reference: dict[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]


def test_every_method_has_its_parameters_result_and_roles() -> None:
    on_page = {
        words(method)[0]: (set(re.findall(r"`\w+`\??", parameters)), words(result), roles(allowed))
        for method, parameters, result, allowed in rows("Methods")
    }
    assert on_page == {
        method["name"]: (
            {f"`{param['name']}`{'' if param['required'] else '?'}" for param in method["params"]},
            [schema_name(method["result"]["schema"])],
            set(method["x-roles"]),
        )
        for method in described()["methods"]
    }, "write the method into docs/clients.md, Methods"


def test_every_push_has_its_parameters_and_roles() -> None:
    on_page = {words(row[0])[0]: (words(row[1]), roles(row[2])) for row in rows("Pushes")}
    assert on_page == {
        push["name"]: ([schema_name(push["params"])], set(push["x-roles"]))
        for push in described()["x-notifications"]
    }


def test_every_error_has_its_code() -> None:
    errors = described()["components"]["errors"].items()
    assert {words(row[0])[0]: int(row[1]) for row in rows("Errors")} == {
        reason: error["code"] for reason, error in errors
    }


@pytest.mark.parametrize(
    ("title", "schema"), [("Ticket", "Ticket"), ("Snapshot", "Snapshot"), ("Event", "QueueEvent")]
)
def test_every_member_is_described_once(title: str, schema: str) -> None:
    on_page = [name for row in rows(title) for name in words(row[0])]
    assert sorted(on_page) == sorted(described()["components"]["schemas"][schema]["properties"])


def test_the_hubs_own_close_codes_are_described() -> None:
    own = {code for name, code in vars(protocol).items() if name.startswith("CLOSE_")}
    assert len(own) == 3
    assert own <= {int(row[0]) for row in rows("Close codes")}
