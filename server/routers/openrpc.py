"""Builds the OpenRPC 1.3 document of the hub's methods from the registry and the types on the wire.

Extensions: `x-roles` (roles that may call the method), `x-keyed` (the method changes something, once for each key) and
`x-notifications` (the hub's pushes).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import msgspec

from core.errors import BY_REASON, HubError
from core.roles import ALL_ROLES, LISTS_COUNTERS, ROLES
from core.wire.protocol import PROTOCOL_VERSIONS
from core.wire.results import PUSHES, PushKind, RefusalData
from server.routers.introduction import INTRODUCTIONS
from server.routers.json_schemas import Schema, parameter_schemas, result_schemas
from server.routers.registry import REGISTRY, Method

_DESCRIPTION = """\
Walk-in queues: JSON-RPC 2.0 over a WebSocket (subprotocol `inturn.v1`), one object a text frame, no batches.
The first request of a connection is `session.hello`. The pushes in `x-notifications` follow the answer to
`queue.subscribe`. A method marked `x-keyed` changes something: a second request with the same `key` and parameters
returns the first result and changes nothing. Ignore unknown members and notifications. docs/clients.md describes how to
write a client."""
_WITHOUT_METHOD = ("parse_error", "invalid_request", "unknown_method", "unauthenticated")
"""Reasons of errors before a method is found."""


class Document(msgspec.Struct, frozen=True):
    """An OpenRPC document; its members are JSON values."""

    openrpc: str
    info: Schema
    servers: tuple[Schema, ...]
    methods: tuple[Schema, ...]
    components: Schema
    notifications: tuple[Schema, ...] = msgspec.field(name="x-notifications")


@functools.cache
def document() -> Document:
    """The document of every registered method, built at the first call."""
    methods = sorted([*INTRODUCTIONS, *REGISTRY.values()], key=lambda method: method.method)
    results = result_schemas(
        [*(method.result for method in methods), *(push.params for push in PUSHES), RefusalData]
    )
    parameters, shared = parameter_schemas([method.params for method in methods])
    return Document(
        openrpc="1.3.2",
        info={
            "title": "InTurn hub",
            "version": str(PROTOCOL_VERSIONS[1]),
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        servers=({"name": "hub", "url": "ws://127.0.0.1:8765/ws"},),
        methods=tuple(_method(method, parameters[method.params.__name__]) for method in methods),
        components={"schemas": dict(sorted((shared | results).items())), "errors": _errors(methods)},
        notifications=tuple(_notification(push) for push in PUSHES),
    )


def in_their_order(roles: Iterable[str]) -> list[str]:
    """Sorts roles in the order of `ROLES`."""
    return [role for role in ROLES if role in roles]


def _method(method: Method, parameters: Schema) -> Schema:
    described: Schema = {
        "name": method.method,
        "summary": method.description,
        "description": parameters["description"],
        "paramStructure": "by-name",
        "params": [
            {"name": name, "required": name in parameters["required"], "schema": schema}
            for name, schema in parameters["properties"].items()
        ],
        "result": {"name": "result", "schema": _reference(method.result)},
        "errors": [{"$ref": f"#/components/errors/{error.reason}"} for error in method.possible_refusals],
        "x-roles": in_their_order(method.roles),
    }
    return described | {"x-keyed": True} if method.keyed else described


def _notification(push: PushKind) -> Schema:
    return {
        "name": push.method,
        "summary": push.description,
        "params": _reference(push.params),
        "x-roles": in_their_order(ALL_ROLES if push.kiosks else LISTS_COUNTERS),
    }


def _errors(methods: Iterable[Method]) -> Schema:
    possible = {error.reason for method in methods for error in method.possible_refusals}
    return {reason: _error(BY_REASON[reason]) for reason in sorted(possible.union(_WITHOUT_METHOD))}


def _error(error: type[HubError]) -> Schema:
    """An error with its default message and an example of its `RefusalData`."""
    return {
        "code": error.code,
        "message": error.__doc__ or "",
        "data": {"reason": error.reason, **error.data_example},
    }


def _reference(kind: type[msgspec.Struct]) -> Schema:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
