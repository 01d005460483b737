"""The hub's log: a readable line a record in a terminal, JSON elsewhere. It never holds a name or a secret.

A request is followed by its key from the window that was tapped (which logs it, too) through `RequestLog` to the service
and the revision that it made, and so to the row of `queue_events`.
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
"""How often a connection's forbidden requests are logged at most."""


class _Keyed(msgspec.Struct):
    key: str | None = None


class DiscreetFormatter(logging.Formatter):
    """A record as a readable line; a traceback without the rows that PostgreSQL quotes in it: they have names."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  logging's name
        """The traceback."""
        return _QUOTED_ROW.sub(r"\1 (not logged)", super().formatException(ei))


class JsonFormatter(DiscreetFormatter):
    """A record as one JSON object: time, level, logger, message, then the members that `fields` brought along."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; with a traceback if there is one."""
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
    """One connection's requests, a record each: changes and the line's refusals (info), forbidden ones (warning, at most
    one a second), whatever else (debug).

    Record members: `request` (the key of what changes something, else the connection's name and a number), `actor`,
    `method`, `outcome` ("ok" or the refusal's reason), `seconds`, and for what a line did `service` and `revision`.
    """

    __slots__ = ("_actor", "_asked", "_connection", "_held_back", "_refused_at")

    def __init__(self, actor: str) -> None:
        self._actor = actor
        self._connection = secrets.token_hex(3)
        self._asked = 0
        self._held_back = 0
        self._refused_at = 0.0

    def write(
        self, method: str, params: msgspec.Raw, outcome: str, seconds: float, result: Any = None
    ) -> None:
        """Records one answered request; `params` as the client sent them, `result` of one that was done."""
        self._asked += 1
        if outcome == "ok" and params == _NO_PARAMS and not log.isEnabledFor(logging.DEBUG):
            return  # a heartbeat, most often
        key = _key_of(params)
        if outcome in _REFUSED and self._spares():
            return
        request_id = key or f"{self._connection}-{self._asked}"
        service, revision = line_of(result)
        request_log(
            self._actor, method, request_id, outcome, seconds, revision, service, changing=key is not None
        )

    def _spares(self) -> bool:
        """Whether a refused request is not worth a record, so soon after another one."""
        now = monotonic()
        if now - self._refused_at < REFUSED_SECONDS:
            self._held_back += 1
            return True
        if self._held_back:
            log.warning("%s: %d more refused requests since then", self._actor, self._held_back)
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
    """Records one answered request; whatever came from a client is made harmless first."""
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
    made = f"{service}/{revision}" if "revision" in fields else "-"
    words = (fields["method"], outcome, actor, made, seconds * 1000, fields["request"])
    log.log(level, "%s %s %s %s %.1fms [%s]", *words, extra={"fields": fields})


def harmless(text: str) -> str:
    """A client's word if it looks like one; else its fingerprint: it may be anything, also a name or two lines."""
    return text if _PLAIN.fullmatch(text) else f"~{blake2b(text.encode(), digest_size=6).hexdigest()}"


def line_of(result: Any) -> tuple[str | None, int | None]:
    """The service and the revision that an answer speaks of, (None, None) if of none."""
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
    said_no = outcome in BY_REASON and issubclass(BY_REASON[outcome], Refusal)
    return logging.INFO if changing or said_no else logging.DEBUG


def configure() -> None:
    """Logs to standard error; libraries only from warnings on."""
    handler = logging.StreamHandler()
    terminal = DiscreetFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    handler.setFormatter(terminal if sys.stderr.isatty() else JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for library in ("websockets", "psycopg", "alembic", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)
