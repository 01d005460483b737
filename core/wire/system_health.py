"""How a hub is, in a person's words and in a few numbers: what `system.health` answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

HealthLevel = Literal["ok", "warning", "failed"]


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        check: what, in a word that programs rely on, e.g. "database".
        level: "failed" for what must be mended now, "warning" for what should be looked at.
        sentence: what is the matter. advice: what to do; None when nothing needs doing.
    """

    check: str
    level: HealthLevel
    sentence: str
    advice: str | None = None


class SlowClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client that does not read as fast as things happen.

    Attributes:
        client: its stable name, e.g. "device:3". behind: for how many seconds it hasn't read.
        last_method: the last push that was written to it. unread: bytes written that it has not taken.
    """

    client: str
    role: str
    behind: float
    last_method: str
    unread: int


class HealthFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A hub's key figures; times in seconds, counts of refusals over the last ten minutes.

    Attributes:
        connections: clients by role; sockets: open connections, also of those that said no hello yet.
        database_away: since when the database does not answer; None while it does.
        database_latency: the last call's. publish_latency: from the last commit to the write to the last window.
        pool_size, pool_max, pool_waiting: connections to the database, allowed ones, calls that wait for one.
        notification_backlog: events that wait for an earlier one.
        clients_behind: clients that don't read; client_behind: for how long the slowest hasn't; slow_clients: the
            slowest twenty, the worst first.
        loop_lag: the last minute's worst lateness of the hub's event loop.
        integrity_violations: service -> places of its line that are missing or taken twice.
    """

    version: str
    up: float
    sockets: int = 0
    connections: dict[str, int] = {}
    database_away: float | None = None
    database_latency: float = 0.0
    pool_size: int = 0
    pool_max: int = 0
    pool_waiting: int = 0
    notification_backlog: int = 0
    publish_latency: float = 0.0
    clients_behind: int = 0
    client_behind: float = 0.0
    slow_clients: tuple[SlowClient, ...] = ()
    loop_lag: float = 0.0
    integrity_violations: dict[str, int] = {}
    internal_errors: int = 0
    rate_limited: int = 0
    throttled_sign_ins: int = 0
    refused_connections: int = 0


class SystemHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A hub's health; `level` is its worst check's, and the worst checks come first."""

    at: datetime
    level: HealthLevel
    checks: tuple[HealthCheck, ...]
    figures: HealthFigures
