"""What went over the wire, held against the OpenRPC document: strictly, so that nothing is said that is not described."""

from __future__ import annotations

from typing import Any

import msgspec
from jsonschema import Draft7Validator

import server.routers  # noqa: F401  the document is of all methods
from server.routers.openrpc import document
from tests.support.wire_recording import Recording

DEVICES = {"kiosk", "monitor"}
DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document()))
METHODS: dict[str, Any] = {method["name"]: method for method in DOCUMENT["methods"]}
PUSHES: dict[str, Any] = {push["name"]: push for push in DOCUMENT["x-notifications"]}
BEFORE_ANY_METHOD = {"parse_error", "invalid_request", "unknown_method", "unauthenticated"}


def check(recording: Recording) -> set[str]:
    """Holds everything that one client was told against the document; the names of what was seen.

    Names are those of methods, of pushes, and "method!reason" of refusals. Raises AssertionError.
    """
    methods = {request["id"]: request["method"] for request in recording.requests if "id" in request}
    role, seen = "", set()
    for told in recording.told:
        if "method" in told:
            seen.add(_check_push(told, role))
        elif "error" in told:
            seen.add(_check_refusal(told["error"], methods.get(told["id"], "")))
        else:
            method = methods[told["id"]]
            role = told["result"]["role"] if method == "session.hello" else role
            _hold_against(METHODS[method]["result"]["schema"], told["result"], role, method)
            seen.add(method)
    return seen


def _check_push(told: dict[str, Any], role: str) -> str:
    push = PUSHES[told["method"]]
    assert role in push["x-roles"], f"{role} was pushed {push['name']}"
    _hold_against(push["params"], told["params"], role, push["name"])
    return str(push["name"])


def _check_refusal(error: dict[str, Any], method: str) -> str:
    reason = error["data"]["reason"]
    if method in METHODS:
        described = {reference["$ref"].rpartition("/")[2] for reference in METHODS[method]["errors"]}
        assert reason in described | BEFORE_ANY_METHOD, (
            f"{method} was refused by {reason}, which is not described"
        )
    known = DOCUMENT["components"]["errors"][reason]
    assert error["code"] == known["code"], error
    _hold_against({"$ref": "#/components/schemas/RefusalData"}, error["data"], "", f"{method} ({reason})")
    return f"{method}!{reason}"


def _hold_against(schema: dict[str, Any], value: Any, role: str, what: str) -> None:
    checker = _FOR_DEVICES if role in DEVICES else _FOR_PEOPLE
    for error in checker.evolve(schema=schema | {"components": checker.schema["components"]}).iter_errors(
        value
    ):
        raise AssertionError(f"{what} to {role}, at {error.json_path}: {error.message[:500]}")


def _checker(ticket: str) -> Draft7Validator:
    """A validator in which a ticket in view is `ticket`, and no member may be there that is not described."""
    schemas = {name: dict(schema) for name, schema in DOCUMENT["components"]["schemas"].items()}
    schemas["TicketInView"] = {"$ref": f"#/components/schemas/{ticket}"}
    for schema in schemas.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return Draft7Validator({"components": {"schemas": schemas}})


_FOR_DEVICES, _FOR_PEOPLE = _checker("PublicTicket"), _checker("Ticket")
