"""What the driver's errors mean: a refusal of a SQL function, a database that is away, or one that can't just now."""

from __future__ import annotations

import logging
import re

import psycopg

from core.errors import HubError, InternalError, Unavailable, hub_error

log = logging.getLogger(__name__)

REFUSED = "IT000"
MOVED_MEANWHILE = "IT001"
"""A ticket changed lines between being read and being locked: the call is made again (`lock_ticket`)."""
AWAY_SECONDS = 0.5
"""How long a client waits before it asks again, while the database is away: it is looked for four times a second."""
BUSY_SECONDS = 1
DISK_SECONDS = 10
"""Somebody must make room first."""
BUSY = "The database is very busy at this moment. Please try again."
CROWDED = "All connections of the database are taken by others. Please try again in a moment."
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
"""SQLSTATEs of a server that is there, and what is said of them."""
_WRONG_DATA = "22"
"""How the SQLSTATEs of data exceptions begin."""
_NO_CONNECTION_FREE = re.compile("too many clients|too many connections|connection slots are reserved")
"""A refused connection has no SQLSTATE, only the server's words."""


def is_trouble(error: BaseException) -> bool:
    """Whether the database itself may be away: gone, refusing, silent, shutting down, or read-only after a failover."""
    if not isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError)):
        return isinstance(error, psycopg.Error) and error.sqlstate == _READ_ONLY
    return state_of(error) not in {*_NO_TROUBLE, MOVED_MEANWHILE}


def met_another(error: psycopg.Error) -> bool:
    """Whether a call failed only because another one was in its way, and will do now."""
    return error.sqlstate == MOVED_MEANWHILE or error.diag.constraint_name == _ONCE


def state_of(error: BaseException) -> str | None:
    """The error's SQLSTATE; None for one of the connection."""
    if isinstance(error, psycopg.Error):
        return error.sqlstate or ("53300" if _NO_CONNECTION_FREE.search(str(error)) else None)
    return None


def away() -> Unavailable:
    """What is answered while the database is away."""
    return Unavailable(retry_after=AWAY_SECONDS)


def busy() -> Unavailable:
    """What is answered when a turn did not come in time."""
    return Unavailable(BUSY, retry_after=BUSY_SECONDS)


def wrapped(error: psycopg.Error) -> HubError:
    """The driver's error as an answer of the hub."""
    if error.sqlstate == REFUSED:
        return _refusal(error)
    if is_trouble(error):
        return away()
    if error.sqlstate == MOVED_MEANWHILE:
        return busy()
    sentence, seconds = _NO_TROUBLE.get(state_of(error) or "", ("", 0))
    if sentence:
        log.warning("The database could not do that now: %s", first_line(error))
        return Unavailable(sentence, retry_after=seconds)
    log.error("The database refused a statement: %s", _without_values(error))
    return InternalError()


def _without_values(error: psycopg.Error) -> str:
    """What a log may have of an error: its detail shows whole rows, and what is said of wrong data shows the data."""
    state, said = error.sqlstate or "", error.diag
    words = "" if state.startswith(_WRONG_DATA) else f": {said.message_primary}"
    return f"{type(error).__name__} {state}{words} ({said.context or 'in the statement itself'})"


def first_line(error: BaseException) -> str:
    """An error in one line; an address in it never has a password."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def sentence_of(cause: BaseException) -> str:
    """What a person should read of an administrative statement's failure: the driver's error."""
    if isinstance(cause, psycopg.Error) and cause.sqlstate == REFUSED:
        return _refusal(cause).message
    if isinstance(cause, psycopg.errors.DiskFull):
        return DISK_FULL
    if isinstance(cause, psycopg.OperationalError):
        return f"The database can't be reached: {first_line(cause)}"
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return "That code, name or prefix is already taken."
    if isinstance(cause, psycopg.errors.CheckViolation):
        return f"The database refused that value ({cause.diag.constraint_name})."
    return f"The database refused that: {first_line(cause)}"


def _refusal(error: psycopg.Error) -> HubError:
    return hub_error(error.diag.message_primary or "refused", error.diag.message_detail or None)
