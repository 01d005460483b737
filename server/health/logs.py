"""The hub's log: one readable line for each record in a terminal, JSON otherwise. It has no names of patients, no
secrets.

A request's key connects the window's log with the record of `RequestLog`, whose service and revision identify the row of
`queue_events`.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from datetime import UTC, datetime
from hashlib import blake2b
from time import monotonic
from typing import Any

import msgspec

from core.errors import BY_REASON, Refusal

log = logging.getLogger(__name__)

_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_QUOTED_ROW = re.compile(
    r"^([ |]*(?:DETAIL|CONTEXT|STATEMENT|QUERY):).*?(?=\n[ |]*\n|\n[ |]*(?:DETAIL|CONTEXT|STATEMENT|QUERY):|\Z)",
    re.MULTILINE | re.DOTALL,
)
_REFUSED = frozenset({"forbidden", "rate_limited", "unauthenticated"})
REFUSED_SECONDS = 1.0
"""Shortest time between two records of refused requests of one connection."""


class _Keyed(msgspec.Struct):
    key: str | None = None


class DiscreetFormatter(logging.Formatter):
    """Formats a record as a readable line, and a traceback without the rows that PostgreSQL quotes: they have names."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  logging's name
        """The traceback without quoted rows."""
        return _QUOTED_ROW.sub(r"\1 (not logged)", super().formatException(ei))


class JsonFormatter(DiscreetFormatter):
    """Formats a record as one JSON object: time, level, logger, message, and the members of the record's `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        """The JSON line, with member `traceback` for an exception."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


_NO_PARAMS = msgspec.Raw(b"{}")


class RequestLog:
    """Logs the requests of one connection, one record each.

    Levels: info for changes and refusals of the line's rules, warning for requests refused at the door (at most one
    record a second), debug for all others.

    Record members: `request` (the key; without one, the connection's random id and a number), `actor`, `method`,
    `outcome` ("ok" or the refusal's reason), `seconds`; for a change of a line also `service` and `revision`.
    """

    __slots__ = ("_actor", "_connection", "_count", "_held_back", "_refused_at")

    def __init__(self, actor: str) -> None:
        self._actor = actor
        self._connection = secrets.token_hex(3)
        self._count = 0
        self._held_back = 0
        self._refused_at = 0.0

    def write(
        self, method: str, params: msgspec.Raw, outcome: str, seconds: float, result: Any = None
    ) -> None:
        """Logs one answered request: its parameters as sent, and the result of a successful one."""
        self._count += 1
        if outcome == "ok" and params == _NO_PARAMS and not log.isEnabledFor(logging.DEBUG):
            return  # usually a heartbeat
        key = _key_of(params)
        if outcome in _REFUSED and self._holds_back():
            return
        request_id = key or f"{self._connection}-{self._count}"
        service, revision = line_of(result)
        request_log(
            self._actor, method, request_id, outcome, seconds, revision, service, changing=key is not None
        )

    def _holds_back(self) -> bool:
        """Whether to skip the record of a refused request, less than `REFUSED_SECONDS` after the last record."""
        now = monotonic()
        if now - self._refused_at < REFUSED_SECONDS:
            self._held_back += 1
            return True
        if self._held_back:
            log.warning("%s: %d more refused requests were not logged", self._actor, self._held_back)
        self._refused_at, self._held_back = now, 0
        return False


def request_log(
    actor: str,
    method: str,
    request_id: str,
    outcome: str,
    seconds: float,
    revision: int | None = None,
    service: str | None = None,
    *,
    changing: bool = True,
) -> None:
    """Logs one answered request; words from the client are replaced by `harmless` ones."""
    level = _level(outcome, changing)
    if not log.isEnabledFor(level):
        return
    fields: dict[str, Any] = {
        "request": harmless(request_id),
        "actor": actor,
        "method": harmless(method),
        "outcome": outcome,
        "seconds": round(seconds, 6),
    }
    if service is not None and revision is not None:
        fields |= {"service": service, "revision": revision}
    event = f"{service}/{revision}" if "revision" in fields else "-"
    words = (fields["method"], outcome, actor, event, seconds * 1000, fields["request"])
    log.log(level, "%s %s %s %s %.1fms [%s]", *words, extra={"fields": fields})


def harmless(text: str) -> str:
    """The client's word if it is plain, else its hash: it can be any text, e.g. a patient's name or several lines."""
    return text if _PLAIN.fullmatch(text) else f"~{blake2b(text.encode(), digest_size=6).hexdigest()}"


def line_of(result: Any) -> tuple[str | None, int | None]:
    """The service and the revision in a result; (None, None) if it has none."""
    service = getattr(_member(result, "ticket"), "service", None)
    revision = _member(result, "revision")
    return (service, revision) if service and isinstance(revision, int) else (None, None)


def _member(result: Any, name: str) -> Any:
    return result.get(name) if isinstance(result, dict) else getattr(result, name, None)


def _key_of(params: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(params, type=_Keyed).key
    except (msgspec.MsgspecError, RecursionError):
        return None


def _level(outcome: str, changing: bool) -> int:
    if outcome in _REFUSED or outcome == "internal_error":
        return logging.WARNING
    refused = outcome in BY_REASON and issubclass(BY_REASON[outcome], Refusal)
    return logging.INFO if changing or refused else logging.DEBUG


def configure() -> None:
    """Logs to standard error; of libraries, only warnings and errors."""
    handler = logging.StreamHandler()
    terminal = DiscreetFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    handler.setFormatter(terminal if sys.stderr.isatty() else JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for library in ("websockets", "psycopg", "alembic", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)
