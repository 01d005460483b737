"""The hub's methods as an OpenRPC 1.3 document, made of the registry and of the types that travel.

What OpenRPC has no word for is an extension: `x-roles` (who may call), `x-keyed` (changes something, once for each key)
and `x-notifications` (what the hub sends without being asked).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import msgspec

from core.errors import BY_REASON, HubError
from core.roles import EVERYBODY, LISTS_COUNTERS, ROLES
from core.wire.protocol import PROTOCOL_VERSIONS
from core.wire.results import PUSHES, PushKind, RefusalData
from server.routers.introduction import INTRODUCTIONS
from server.routers.json_schemas import Schema, parameter_schemas, result_schemas
from server.routers.registry import REGISTRY, Method

_DESCRIPTION = """\
Walk-in queues: JSON-RPC 2.0 over a WebSocket (subprotocol `inturn.v1`), one object a text frame, no batches.
The first request of a connection is `session.hello`; when `queue.subscribe` is answered, `x-notifications` follow.
A method marked `x-keyed` changes something: the same `key` with the same parameters has the first result and changes
nothing more. Ignore members and notifications that you don't know. docs/clients.md tells how a client is written."""
_SPOKEN = ("parse_error", "invalid_request", "unknown_method", "unauthenticated")
"""Errors of a request that reaches no method."""


class Document(msgspec.Struct, frozen=True):
    """An OpenRPC document, its members as JSON values."""

    openrpc: str
    info: Schema
    servers: tuple[Schema, ...]
    methods: tuple[Schema, ...]
    components: Schema
    notifications: tuple[Schema, ...] = msgspec.field(name="x-notifications")


@functools.cache
def document() -> Document:
    """The document of every method that is registered when it is first asked for."""
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
    """Roles as the documents list them."""
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
        "x-roles": in_their_order(EVERYBODY if push.kiosks else LISTS_COUNTERS),
    }


def _errors(methods: Iterable[Method]) -> Schema:
    possible = {error.reason for method in methods for error in method.possible_refusals}
    return {reason: _error(BY_REASON[reason]) for reason in sorted(possible.union(_SPOKEN))}


def _error(error: type[HubError]) -> Schema:
    """The error with its usual sentence, and its data as it may look (`RefusalData`)."""
    return {
        "code": error.code,
        "message": error.__doc__ or "",
        "data": {"reason": error.reason, **error.data_example},
    }


def _reference(kind: type[msgspec.Struct]) -> Schema:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
