"""The registry of methods: each with its roles, the types of its parameters and result, its refusals and its handler.

`execute` dispatches by the registry alone. `as_hub_error` converts every exception of a handler into an error reply.
"""

from __future__ import annotations

import inspect
import logging
import re
import traceback
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec

from core.errors import (
    Forbidden,
    HubError,
    InternalError,
    InvalidParams,
    KeyConflict,
    RateLimited,
    Unavailable,
    UnknownMethod,
)
from core.roles import ALL_ROLES
from core.texts import NAME_LENGTH, NOTE_LENGTH, REASON_LENGTH, clean
from core.wire.protocol import misfit
from core.wire.system_health import SystemHealth
from server.door.access import Access
from server.door.known_clients import Principal
from server.operations.administration import Administration
from server.operations.queue_operations import QueueOperations
from server.pushes.notification_service import NotificationService
from server.pushes.outbox import Outbox

log = logging.getLogger(__name__)

P = TypeVar("P", bound=msgspec.Struct)

_METHOD = re.compile(r"[a-z_]+(\.[a-z_]+)?")
_PATH = re.compile(r" - at `(\$[][a-z_.0-9]*)`$")

_NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's `text` can't store U+0000."""

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=_NO_NUL)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=_NO_NUL)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH, pattern=_NO_NUL)]
Reason = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH, pattern=_NO_NUL)]
Note = Annotated[str, msgspec.Meta(min_length=1, max_length=NOTE_LENGTH, pattern=_NO_NUL)]
Need = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=_NO_NUL)]
Language = Annotated[str, msgspec.Meta(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
"""A BCP 47 tag, e.g. `ar` or `zh-Hans`."""
Position = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Revision = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A method's parameters; an unknown member is refused, not ignored."""


class Context:
    """The caller of a request and the hub's parts, as a handler needs them.

    Attributes:
        caller: the signed-in device or person.
        outbox: writes pushes to the caller.
        operations, administration, notifications, access: the hub's parts.
        health: returns the result of `system.health`.
        after_reply: called when the reply is written; a handler may set it.
        counter: code of the counter where the caller's connection works; the handlers of a counter's changes set it.
    """

    def __init__(
        self,
        caller: Principal,
        outbox: Outbox,
        operations: QueueOperations,
        administration: Administration,
        notifications: NotificationService,
        access: Access,
        health: Callable[[], SystemHealth],
    ) -> None:
        self.caller = caller
        self.outbox = outbox
        self.operations = operations
        self.administration = administration
        self.notifications = notifications
        self.access = access
        self.health = health
        self.after_reply: Callable[[], None] | None = None
        self.counter: str | None = None


Handler = Callable[[Context, Any], Awaitable[Any]]


class Method(msgspec.Struct, frozen=True):
    """A method as clients see it.

    Attributes:
        method: its name, e.g. `queue.call`.
        roles: the roles that may call it.
        params: type of its parameters.
        result: type of its result; a `Ticket` in it is in the caller's view.
        refusals: the errors that only some methods raise; `possible_refusals` has all.
        description: one sentence for the OpenRPC document.
    """

    method: str
    roles: frozenset[str]
    params: type[Params]
    result: type[msgspec.Struct]
    refusals: tuple[type[HubError], ...]
    description: str

    @property
    def keyed(self) -> bool:
        """Whether the method changes something, once for each key."""
        return "key" in self.params.__struct_fields__

    @property
    def possible_refusals(self) -> tuple[type[HubError], ...]:
        """Every error that the method may answer."""
        by_role = () if self.roles >= ALL_ROLES or not self.roles else (Forbidden,)
        by_key = (KeyConflict, Unavailable) if self.keyed else ()
        refusals = (InvalidParams, RateLimited, InternalError, *by_role, *by_key, *self.refusals)
        return tuple(dict.fromkeys(refusals))


class Command(Method, frozen=True):
    """A method with its handler."""

    handle: Handler


REGISTRY: dict[str, Command] = {}
"""Method name -> command; filled when `server.routers` is imported."""


def command(
    method: str,
    roles: frozenset[str],
    params: type[Params],
    result: type[msgspec.Struct],
    *refusals: type[HubError],
) -> Callable[[Handler], Handler]:
    """Registers a handler for `method`; its docstring is the method's description."""

    def register(handle: Handler) -> Handler:
        assert method not in REGISTRY, method
        description = inspect.getdoc(handle) or ""
        REGISTRY[method] = Command(method, roles, params, result, refusals, description, handle)
        return handle

    return register


async def execute(context: Context, method: str, raw_params: msgspec.Raw) -> Any:
    """Runs a method for its caller. Raises UnknownMethod, Forbidden, InvalidParams, or what the handler raises."""
    registered = REGISTRY.get(method)
    if registered is None:
        raise UnknownMethod(
            f"The hub does not know the method {method}." if _METHOD.fullmatch(method) else None
        )
    if context.caller.role not in registered.roles:
        raise Forbidden
    return await registered.handle(context, decode_params(raw_params, registered.params))


def decode_params(raw: msgspec.Raw, params: type[P]) -> P:
    """Decodes parameters. Raises InvalidParams with the path of the first value that doesn't fit."""
    try:
        return msgspec.json.decode(raw, type=params)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidParams(f"The parameters don't fit: {misfit(error)}.", path=_path(error)) from error


def clean_param(value: str | None, name: str, *, most: int = NAME_LENGTH, lines: bool = False) -> str | None:
    """A text parameter as it is stored (`core.texts.clean`). Raises InvalidParams with its path."""
    if value is None:
        return None
    try:
        return clean(value, f"The {name.replace('_', ' ')}", most, lines=lines)
    except InvalidParams as error:
        raise InvalidParams(error.message, path=f"$.{name}") from error


def clean_reason(reason: str | None) -> str | None:
    """A reason as it is stored; none if it is empty. Raises InvalidParams."""
    return clean_param(reason or None, "reason", most=REASON_LENGTH)


def _path(error: Exception) -> str:
    found = _PATH.search(str(error))
    return found[1] if found else "$"


def as_hub_error(error: Exception) -> HubError:
    """Converts any exception into the error to answer; logs the traceback of an unexpected one.

    The exception's message is not logged: it may quote what a client sent.
    """
    if isinstance(error, HubError):
        return error
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("A request failed unexpectedly: %s\n%s", type(error).__name__, places)
    return InternalError()
