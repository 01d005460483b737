"""JSON-RPC 2.0 frames of InTurn: one object a text frame, no batches (docs/clients.md).

Pure: bytes in, values out. Decoding raises only `core.errors.HubError`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from core.errors import HubError, InvalidRequest, ParseError, hub_error

T = TypeVar("T")

SUBPROTOCOL = "inturn.v1"
PROTOCOL_VERSIONS = (1, 1)
MAX_REQUEST_BYTES = 64 * 1024
MAX_HELLO_BYTES = 8 * 1024
"""Largest frame of a client before its hello is accepted."""
MAX_DEPTH = 32
"""Deepest nesting of objects and arrays in a request."""
MAX_BRACKETS = 1024
"""Most opening brackets in a request, those in strings included; the depth of more would take too long to compute."""
MAX_PUSH_BYTES = 4 * 1024 * 1024

HELLO_SECONDS = 10.0
"""Timeout of a new connection's `session.hello`."""
PING_SECONDS = 5.0
"""A client that has sent no frame for this long sends `ping`."""
SILENCE_SECONDS = 15.0
"""Either side closes a connection on which it has received no frame for this long."""

CLOSE_UNAUTHENTICATED = 4401
CLOSE_SILENT = 4408
CLOSE_TOO_MANY = 4429

RequestId = (
    Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, msgspec.Meta(max_length=128)]
)


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client's request. `id` is None for a notification, which gets no reply."""

    jsonrpc: Literal["2.0"]
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    id: RequestId | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The `error` member of a reply; `data` holds at least `reason`."""

    code: int
    message: str
    data: dict[str, Any] = {}


class Incoming(msgspec.Struct, frozen=True):
    """Any frame from the hub: a reply (with `id`) or a push (with `method`)."""

    jsonrpc: Literal["2.0"]
    id: int | str | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorBody | None = None


_TO_NEXT_BRACKET = re.compile(r'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"?)*+[\[\]{}]', re.DOTALL)
_MEMBER = re.compile("[a-z_]+")
_UNKNOWN_FIELD, _INVALID_ENUM = "Object contains unknown field", "Invalid enum value"
_request_decoder = msgspec.json.Decoder(Request)
_incoming_decoder = msgspec.json.Decoder(Incoming)
_encoder = msgspec.json.Encoder()
encode = _encoder.encode
"""Encodes a value of `core.line.tickets` or a plain JSON value as bytes."""


def decode_request(text: bytes | str) -> Request:
    """Decodes a request. Raises ParseError (not JSON, or nested too deep) or InvalidRequest (JSON of another shape)."""
    try:
        plain = text if isinstance(text, str) else text.decode()
        # Counting brackets is cheap and settles ordinary requests: MAX_DEPTH brackets can't nest deeper than MAX_DEPTH.
        brackets = plain.count("{") + plain.count("[")
        if brackets > MAX_DEPTH and (brackets > MAX_BRACKETS or _is_too_deep(plain)):
            raise ParseError(f"That was nested more than {MAX_DEPTH} levels deep, or had too many brackets.")
        return _request_decoder.decode(plain)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"That was not a JSON-RPC 2.0 request: {misfit(error)}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError from error


def misfit(error: Exception) -> str:
    """Says why a value does not fit its type, without the value: it may be a patient's name, and kiosks are public.

    An unknown member is named only when its name looks like a member's.
    """
    sentence = str(error).partition(" - at `")[0]
    if sentence.startswith(_UNKNOWN_FIELD):
        given = sentence.removeprefix(_UNKNOWN_FIELD).strip(" `")
        return f"{_UNKNOWN_FIELD} `{given}`" if _MEMBER.fullmatch(given) else _UNKNOWN_FIELD
    return _INVALID_ENUM if sentence.startswith(_INVALID_ENUM) else sentence


def _is_too_deep(text: str) -> bool:
    """Whether brackets outside of strings nest deeper than MAX_DEPTH; meaningless for a text that is not JSON."""
    depth, position = 0, 0
    # `match` from the end of the last match, not `finditer`: `finditer` retries at each character after the last bracket.
    while found := _TO_NEXT_BRACKET.match(text, position):
        position = found.end()
        depth += 1 if text[position - 1] in "[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def decode_incoming(text: bytes | str) -> Incoming:
    """Decodes a frame from the hub. Raises ParseError or InvalidRequest."""
    try:
        return _incoming_decoder.decode(text)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The hub sent something else than JSON-RPC 2.0: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError from error


def decode_value(raw: msgspec.Raw, shape: type[T]) -> T:
    """Decodes a result, or the parameters of a push, as `shape`. Raises InvalidRequest."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"The hub sent something else than {shape.__name__}: {error}.") from error


def request_frame(request_id: int | str, method: str, params: Any) -> bytes:
    """Encodes a request."""
    return encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def reply_frame(request_id: int | str | None, result: Any) -> bytes:
    """Encodes the reply to a request that succeeded."""
    return encode({"jsonrpc": "2.0", "id": request_id, "result": result})


def error_frame(request_id: int | str | None, error: HubError) -> bytes:
    """Encodes the reply to a request that failed; only here does an error get its wire shape."""
    body = {"code": error.code, "message": error.message, "data": {"reason": error.reason, **error.data}}
    return encode({"jsonrpc": "2.0", "id": request_id, "error": body})


def push_frame(method: str, params: Any) -> bytes:
    """Encodes a notification from hub to client."""
    return encode({"jsonrpc": "2.0", "method": method, "params": params})


def error_from_reply(body: ErrorBody) -> HubError:
    """Returns the exception for an error reply: the inverse of `error_frame`."""
    data = dict(body.data)
    reason = str(data.pop("reason", "refused"))
    return hub_error(reason, body.message, **data)
