"""Health of a hub in sentences and figures: the result of `system.health`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

HealthLevel = Literal["ok", "warning", "failed"]


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one check.

    Attributes:
        check: word that programs rely on, e.g. "database".
        level: "failed" needs a repair now, "warning" needs a look.
        sentence: what the check found. advice: what to do; None when there is nothing to do.
    """

    check: str
    level: HealthLevel
    sentence: str
    advice: str | None = None


class SlowClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client that reads more slowly than the hub writes.

    Attributes:
        client: stable name, e.g. "device:3". behind: seconds since it stopped reading.
        last_method: method of the last push written to it. unread: bytes written and not yet read.
    """

    client: str
    role: str
    behind: float
    last_method: str
    unread: int


class HealthFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Key figures of a hub; times in seconds, refusals counted over the last ten minutes.

    Attributes:
        connections: clients by role. sockets: open connections, those before hello included.
        database_away: how long the database has been unreachable; None while it answers.
        database_latency: duration of the last call. publish_latency: from the last commit to the last window's write.
        pool_size, pool_max, pool_waiting: database connections open, allowed, and waited for by calls.
        notification_backlog: events that wait for an earlier event.
        clients_behind: number of clients that don't read. client_behind: how long the slowest has not read.
            slow_clients: the twenty slowest, slowest first.
        loop_lag: worst lateness of the hub's event loop in the last minute.
        integrity_violations: service code -> number of places of its line that are missing or taken twice.
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
    """Health of a hub. `level` is that of the worst check; `checks` are sorted worst first."""

    at: datetime
    level: HealthLevel
    checks: tuple[HealthCheck, ...]
    figures: HealthFigures
