"""Nearly valid requests: valid requests with a changed value, member or character."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

import msgspec

from server.routers.registry import REGISTRY

SAMPLES: dict[str, Any] = {
    "service": "A",
    "services": ["A", "B"],
    "since": {"A": 0},
    "counter": "R1",
    "ticket": "00000000-0000-4000-8000-000000000000",
    "complete": "00000000-0000-4000-8000-000000000000",
    "operation": "no such key",
    "key": "key",
    "priority": "high",
    "position": 1,
    "place": "first",
    "reason": "lunch",
    "patient_name": "Ada",
    "note": "left-handed",
    "needs": ["interpreter"],
    "language": "ar",
}
"""A fitting value for each parameter; a parameter that is missing here gets a word."""

NASTY: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63 - 1,
    2**63,
    -(2**70),
    10**400,
    1.5,
    -0.0,
    1e308,
    "",
    " ",
    "\x00",
    "a\x00b",
    "\u202e\u0301\U0001f9d1\u200d",
    "'; DROP TABLE tickets; --",
    "%s %(x)s {0} $1 \\",
    "../../etc/passwd",
    "x" * 65,
    "x" * 5000,
    "é" * 2001,
    [],
    {},
    [[]],
    [None],
    ["A"] * 1000,
    {"": ""},
    {"A": -1},
    {"A": 2**62},
    {"a": {"b": {"c": []}}},
)
LITERALS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "0x10",
    "01",
    "'a'",
    '"\\ud800"',
    '"\\x"',
    "undefined",
    "[" * 40 + "]" * 40,
)
"""Text that replaces a value after encoding, since no JSON library would write it."""
MARK = "put a literal here"


def valid_request(source: random.Random, method: str, ticket: str) -> dict[str, Any]:
    """A valid request for the method, with a random choice of its optional parameters."""
    params = {}
    for field in msgspec.structs.fields(REGISTRY[method].params):
        if field.required or source.random() < 0.5:
            params[field.encode_name] = SAMPLES.get(field.encode_name, "x")
    if "ticket" in params and source.random() < 0.8:
        params["ticket"] = ticket
    if "key" in params:
        params["key"] = f"{source.getrandbits(64):x}"
    return {"jsonrpc": "2.0", "id": source.randrange(10**6), "method": method, "params": params}


def mutated(source: random.Random, request: dict[str, Any]) -> str:
    """The request as text, with one to three changes."""
    changed = json.loads(json.dumps(request))
    literal = ""
    for _ in range(source.randint(1, 2)):
        if source.random() < 0.08 and not literal:
            literal = source.choice(LITERALS)
            _replace_somewhere(source, changed, MARK)
        else:
            _change_members(source, changed)
    text = json.dumps(changed, ensure_ascii=source.random() < 0.5).replace(json.dumps(MARK), literal or '"x"')
    return _with_other_characters(source, text) if source.random() < 0.15 else text


def _change_members(source: random.Random, request: dict[str, Any]) -> None:
    place = source.choice([request, *[request.get("params")] * 6])
    if not isinstance(place, dict) or not place:
        return
    name = source.choice(list(place))
    kind = source.randrange(4)
    if kind == 0:
        del place[name]
    elif kind == 1:
        place[source.choice([name.upper(), "", "x", "__class__", "jsonrpc"])] = deepcopy(source.choice(NASTY))
    else:
        place[name] = deepcopy(source.choice(NASTY))


def _replace_somewhere(source: random.Random, request: dict[str, Any], value: Any) -> None:
    params = request.get("params")
    place = params if isinstance(params, dict) and params and source.random() < 0.7 else request
    place[source.choice(list(place) or ["x"])] = value


def _with_other_characters(source: random.Random, text: str) -> str:
    characters = list(text)
    for _ in range(source.randint(1, 5)):
        place = source.randrange(len(characters) + 1)
        kind = source.randrange(4)
        if kind == 0:
            del characters[place : place + source.randint(1, 10)]
        elif kind == 1:
            characters.insert(place, source.choice('{}[]",:\\\x00\x1f\ufeff\u2028é9-eE. '))
        elif kind == 2:
            characters[place:place] = characters[: source.randint(1, 40)]
        else:
            del characters[place:]
    return "".join(characters)
