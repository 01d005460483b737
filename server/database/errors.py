"""Converts the driver's errors: a refusal of a SQL function, an unreachable database, or an overloaded one."""

from __future__ import annotations

import logging
import re
from typing import Any

import msgspec
import psycopg

from core.errors import HubError, InternalError, Unavailable, hub_error

log = logging.getLogger(__name__)

REFUSED = "IT000"
MOVED_MEANWHILE = "IT001"
"""SQLSTATE of a ticket that moved to another line between read and lock (`lock_ticket`): the call is retried."""
AWAY_SECONDS = 0.5
"""`retry_after` while the database is unreachable; the watch polls it four times a second."""
BUSY_SECONDS = 1
DISK_SECONDS = 10
"""`retry_after` of a full disk, which needs a person to make room."""
BUSY = "The database is very busy at this moment. Please try again."
CROWDED = "All connections of the database are taken by other programs. Please try again in a moment."
DISK_FULL = (
    "The database's disk is full, so nothing can be saved. "
    "Please tell the person who looks after this computer to make room."
)
_ONCE = "requests_once"
_READ_ONLY = "25006"
_NO_TROUBLE = {
    "55P03": (BUSY, BUSY_SECONDS),  # lock_timeout
    "57014": (BUSY, BUSY_SECONDS),  # statement_timeout
    "40001": (BUSY, BUSY_SECONDS),  # a serialization failure
    "40P01": (BUSY, BUSY_SECONDS),  # a deadlock
    "53200": (BUSY, BUSY_SECONDS),  # out of memory
    "53300": (CROWDED, BUSY_SECONDS),
    "53100": (DISK_FULL, DISK_SECONDS),
}
"""SQLSTATE of a server that is reachable -> message and `retry_after`."""
_WRONG_DATA = "22"
"""First characters of the SQLSTATEs of data exceptions."""
_NO_CONNECTION_FREE = re.compile("too many clients|too many connections|connection slots are reserved")
"""A refused connection has no SQLSTATE, only the server's message."""


def is_trouble(error: BaseException) -> bool:
    """Whether the database may be unreachable: connection lost or refused, timeout, shutdown, or read-only."""
    if not isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError)):
        return isinstance(error, psycopg.Error) and error.sqlstate == _READ_ONLY
    return state_of(error) not in {*_NO_TROUBLE, MOVED_MEANWHILE}


def collided(error: psycopg.Error) -> bool:
    """Whether a call failed only because of a concurrent call, so that a retry will succeed."""
    return error.sqlstate == MOVED_MEANWHILE or error.diag.constraint_name == _ONCE


def state_of(error: BaseException) -> str | None:
    """The error's SQLSTATE; None for an error of the connection."""
    if isinstance(error, psycopg.Error):
        return error.sqlstate or ("53300" if _NO_CONNECTION_FREE.search(str(error)) else None)
    return None


def away() -> Unavailable:
    """The answer while the database is unreachable."""
    return Unavailable(retry_after=AWAY_SECONDS)


def busy() -> Unavailable:
    """The answer when a wait for a turn or a connection took too long."""
    return Unavailable(BUSY, retry_after=BUSY_SECONDS)


def wrapped(error: psycopg.Error) -> HubError:
    """Converts the driver's error into the hub's answer; logs an overload and every unexpected error."""
    if error.sqlstate == REFUSED:
        return _refusal(error)
    if is_trouble(error):
        return away()
    if error.sqlstate == MOVED_MEANWHILE:
        return busy()
    sentence, seconds = _NO_TROUBLE.get(state_of(error) or "", ("", 0))
    if sentence:
        log.warning("The database could not execute a call now: %s", first_line(error))
        return Unavailable(sentence, retry_after=seconds)
    log.error("The database refused a statement: %s", _without_values(error))
    return InternalError()


def _without_values(error: psycopg.Error) -> str:
    """An error for the log, without its detail (whole rows) and without the message of a data exception (the value)."""
    state, diagnostics = error.sqlstate or "", error.diag
    message = "" if state.startswith(_WRONG_DATA) else f": {diagnostics.message_primary}"
    return f"{type(error).__name__} {state}{message} ({diagnostics.context or 'in the statement itself'})"


def first_line(error: BaseException) -> str:
    """An error's first line; libpq leaves passwords out of addresses in it."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def sentence_of(cause: BaseException) -> str:
    """A sentence for the administrator about a failed administrative statement."""
    if isinstance(cause, psycopg.Error) and cause.sqlstate == REFUSED:
        return _refusal(cause).message
    if isinstance(cause, psycopg.errors.DiskFull):
        return DISK_FULL
    if isinstance(cause, psycopg.OperationalError):
        return f"The database can't be reached: {first_line(cause)}"
    if isinstance(cause, (psycopg.IntegrityError, psycopg.DataError)):
        return "The database refused that value."
    return f"The database refused that: {first_line(cause)}"


def _refusal(error: psycopg.Error) -> HubError:
    diagnostics = error.diag
    data = (
        msgspec.json.decode(diagnostics.message_hint, type=dict[str, Any]) if diagnostics.message_hint else {}
    )
    return hub_error(diagnostics.message_primary or "refused", diagnostics.message_detail or None, **data)
