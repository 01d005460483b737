"""Checks recorded frames against the OpenRPC document strictly: a member that is not described is an error."""

from __future__ import annotations

from typing import Any

import msgspec
from jsonschema import Draft7Validator

import server.routers  # noqa: F401  registers all methods for the document
from server.routers.openrpc import document
from tests.support.wire_recording import Recording

DEVICES = {"kiosk", "monitor"}
DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document()))
METHODS: dict[str, Any] = {method["name"]: method for method in DOCUMENT["methods"]}
PUSHES: dict[str, Any] = {push["name"]: push for push in DOCUMENT["x-notifications"]}
BEFORE_ANY_METHOD = {"parse_error", "invalid_request", "unknown_method", "unauthenticated"}


def check(recording: Recording) -> set[str]:
    """Checks all frames that a client received against the document; returns the names of what it received.

    A name is that of a method or a push, or "method!reason" for a refusal. Raises AssertionError.
    """
    methods = {request["id"]: request["method"] for request in recording.requests if "id" in request}
    role, seen = "", set()
    for message in recording.messages:
        if "method" in message:
            seen.add(_check_push(message, role))
        elif "error" in message:
            seen.add(_check_refusal(message["error"], methods.get(message["id"], "")))
        else:
            method = methods[message["id"]]
            role = message["result"]["role"] if method == "session.hello" else role
            _validate(METHODS[method]["result"]["schema"], message["result"], role, method)
            seen.add(method)
    return seen


def _check_push(message: dict[str, Any], role: str) -> str:
    push = PUSHES[message["method"]]
    assert role in push["x-roles"], f"{role} received the push {push['name']}"
    _validate(push["params"], message["params"], role, push["name"])
    return str(push["name"])


def _check_refusal(error: dict[str, Any], method: str) -> str:
    reason = error["data"]["reason"]
    if method in METHODS:
        described = {reference["$ref"].rpartition("/")[2] for reference in METHODS[method]["errors"]}
        assert reason in described | BEFORE_ANY_METHOD, (
            f"{method} was refused with {reason}, which is not described"
        )
    known = DOCUMENT["components"]["errors"][reason]
    assert error["code"] == known["code"], error
    _validate({"$ref": "#/components/schemas/RefusalData"}, error["data"], "", f"{method} ({reason})")
    return f"{method}!{reason}"


def _validate(schema: dict[str, Any], value: Any, role: str, what: str) -> None:
    checker = _FOR_DEVICES if role in DEVICES else _FOR_PEOPLE
    for error in checker.evolve(schema=schema | {"components": checker.schema["components"]}).iter_errors(
        value
    ):
        raise AssertionError(f"{what} to {role}, at {error.json_path}: {error.message[:500]}")


def _checker(ticket: str) -> Draft7Validator:
    """A validator in which a ticket in a view is `ticket`, and members that are not described are errors."""
    schemas = {name: dict(schema) for name, schema in DOCUMENT["components"]["schemas"].items()}
    schemas["TicketInView"] = {"$ref": f"#/components/schemas/{ticket}"}
    for schema in schemas.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return Draft7Validator({"components": {"schemas": schemas}})


_FOR_DEVICES, _FOR_PEOPLE = _checker("PublicTicket"), _checker("Ticket")
