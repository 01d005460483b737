"""JSON schemas (draft 7, as OpenRPC 1.3 demands) of the types on the wire.

The hub sends every member of a result, so every member is required, except those that may be `UNSET`. A ticket has the
shape of its reader's view: `Ticket` for people, `PublicTicket` for devices.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import msgspec

from core.line.tickets import PublicTicket, Ticket

Schema = dict[str, Any]

_TEMPLATE = "#/components/schemas/{name}"
_TICKETS = tuple(_TEMPLATE.format(name=kind.__name__) for kind in (Ticket, PublicTicket))
_PERSONAL = [name for name in Ticket.__struct_fields__ if name not in PublicTicket.__struct_fields__]
_IN_VIEW: Schema = {
    "title": "TicketInView",
    "description": "A ticket in its reader's view: people see a Ticket, devices a PublicTicket.",
    "oneOf": [{"$ref": reference} for reference in _TICKETS],
}


def parameter_schemas(kinds: Sequence[type[msgspec.Struct]]) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Two maps name -> schema: of `kinds`, and of the types that they refer to."""
    found = _components(kinds)
    own = {kind.__name__ for kind in kinds}
    return (
        {name: schema for name, schema in found.items() if name in own},
        {name: schema for name, schema in found.items() if name not in own},
    )


def result_schemas(kinds: Sequence[type[msgspec.Struct]]) -> dict[str, Schema]:
    """Name -> schema of results and pushes, and of the types that they refer to."""
    found = {name: _in_view(schema) for name, schema in _components([*kinds, Ticket, PublicTicket]).items()}
    for schema in found.values():
        properties = schema.get("properties", {})
        always = {name for name, value in properties.items() if "default" in value}
        schema["required"] = [name for name in properties if name in always.union(schema["required"])]
        for value in properties.values():
            value.pop("default", None)
    found["PublicTicket"]["not"] = {"anyOf": [{"required": [name]} for name in _PERSONAL]}
    return found | {"TicketInView": _IN_VIEW}


def _components(kinds: Sequence[type[msgspec.Struct]]) -> dict[str, Schema]:
    _, found = msgspec.json.schema_components(kinds, ref_template=_TEMPLATE)
    return {name: _draft_7(schema) for name, schema in found.items()}


def _draft_7(value: Any) -> Any:
    """Converts a schema from draft 2020-12, as msgspec writes it, to draft 7: only fixed arrays differ."""
    if isinstance(value, list):
        return [_draft_7(item) for item in value]
    if not isinstance(value, dict):
        return value
    schema = {name: _draft_7(member) for name, member in value.items()}
    if "prefixItems" in schema:
        schema |= {"items": schema.pop("prefixItems"), "additionalItems": False}
    if "title" in schema and "description" in schema:
        schema["description"] = inspect.cleandoc(schema["description"])
    return schema


def _in_view(value: Any) -> Any:
    """Replaces every reference to a ticket type by one to `TicketInView`."""
    if isinstance(value, list):
        return [_in_view(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("$ref") in _TICKETS:
        return {"$ref": _TEMPLATE.format(name=_IN_VIEW["title"])}
    return {name: _in_view(member) for name, member in value.items()}
