"""Turns a hub's figures into findings for the administrator on call: what is wrong, what still works, what to do.

Pure: no clock, no socket, no database. Findings have no names of patients, users or devices.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from core.wire.system_health import HealthCheck, HealthFigures, HealthLevel, SystemHealth
from server.health.clocks import ClockDoubt

SLOW_CALL_SECONDS = 0.5
SLOW_PUBLISH_SECONDS = 0.5
LATE_SECONDS, VERY_LATE_SECONDS = 0.25, 2.0
BEHIND_SECONDS = 10.0
MANY_THROTTLED = 10
MANY_LIMITED = 100
OLD_CHECK_SECONDS = 3600.0
REMEMBERED_SECONDS = 600.0
"""Time for which a restarted chore is still reported."""
_WORST_FIRST: tuple[HealthLevel, ...] = ("failed", "warning", "ok")


class FailedChore(msgspec.Struct, frozen=True, kw_only=True):
    """A chore that has failed.

    Attributes:
        name: e.g. "certificate watch".
        failures: number of failures in a row.
        failure: exception class of the latest failure, e.g. "OSError".
        ago: seconds since the latest failure.
        again_in: seconds until the chore is started again; None while it runs.
    """

    name: str
    failures: int
    failure: str
    ago: float
    again_in: float | None = None


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Input of findings beside the figures.

    Attributes:
        database_place: the database's hosts, e.g. "db1:5432"; "this computer" for a local database.
        notification_running: whether the hub polls for changes made outside it.
        slowest: the client that has been behind for longest, e.g. "monitor device:3"; None if no client is behind.
        unserved: service code -> number of waiting patients, for the services that no open counter serves.
        checked_ago: seconds since the oldest of the lines' latest checks; None before the first check.
        failed_chores: every chore that has failed since the hub's start.
        clock_doubt: why the schedule closes no day; None if the clocks agree.
    """

    database_place: str = "this computer"
    notification_running: bool = True
    slowest: str | None = None
    unserved: dict[str, int] = {}
    checked_ago: float | None = None
    failed_chores: tuple[FailedChore, ...] = ()
    clock_doubt: ClockDoubt | None = None


def assess(figures: HealthFigures, beside: Surroundings, at: datetime) -> SystemHealth:
    """The finding of every check, the worst first."""
    findings = [check(figures, beside) for check in _CHECKS]
    checks = sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.level))
    return SystemHealth(at=at, level=checks[0].level, checks=tuple(checks), figures=figures)


def duration_words(seconds: float) -> str:
    """Formats a duration for a sentence: "12 seconds", "3 minutes", "2 hours"."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}s"
    whole = round(seconds)
    return f"{whole} second{'' if whole == 1 else 's'}"


def _database(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    place = beside.database_place
    if figures.database_away is not None:
        return _failed(
            "database",
            f"The database has not answered for {duration_words(figures.database_away)}. "
            "Reads come from memory; nothing can be changed.",
            f"Check that PostgreSQL runs on {place}: systemctl status postgresql. "
            "The hub goes on by itself as soon as it answers; don't restart the hub.",
        )
    if figures.database_latency > SLOW_CALL_SECONDS:
        return _warning(
            "database",
            f"The database answers slowly: the last call took {figures.database_latency:.1f} seconds.",
            f"Look at the load and the disk of {place}; `inturn-hub doctor` names the process that holds locks.",
        )
    return _ok("database", f"The database answers in {figures.database_latency * 1000:.0f} ms.")


def _pool(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    if figures.pool_waiting and figures.database_away is None:
        return _warning(
            "pool",
            f"All {figures.pool_max} connections to the database are busy and {_calls(figures.pool_waiting)} for one.",
            "If this lasts, something holds locks in the database: `inturn-hub doctor` names it.",
        )
    return _ok("pool", f"{figures.pool_size} of {figures.pool_max} connections to the database are open.")


def _notifications(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    if not beside.notification_running:
        return _failed(
            "notifications",
            "The notification service has stopped: windows show an old line.",
            "It is started again by itself, and if it goes on failing the hub ends. "
            "Keep the hub's log for the developers.",
        )
    if figures.notification_backlog:
        return _warning(
            "notifications",
            f"{figures.notification_backlog} events wait for an earlier one that has not been read yet.",
            "That is normal for a second. If it stays, look whether the database answers and at the hub's log.",
        )
    if figures.publish_latency > SLOW_PUBLISH_SECONDS:
        return _warning(
            "notifications",
            f"Windows learn late what happened: the last change took {figures.publish_latency:.1f} seconds to reach all.",
            "This computer is too busy, or has too many clients: look at its load.",
        )
    return _ok(
        "notifications", f"The last change reached every window in {figures.publish_latency * 1000:.1f} ms."
    )


def _clients(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    connected = sum(figures.connections.values())
    if figures.clients_behind and figures.client_behind >= BEHIND_SECONDS:
        count = figures.clients_behind
        clients_do = "1 client does" if count == 1 else f"{count} clients do"
        return _warning(
            "clients",
            f"{clients_do} not read what the hub sends; "
            f"{beside.slowest} has not for {duration_words(figures.client_behind)}. The others are not held up.",
            "Look at that screen and its network; restart its program if it hangs. "
            "`inturn-hub device list` tells where a device stands.",
        )
    by_role = ", ".join(f"{count} {role}" for role, count in sorted(figures.connections.items()) if count)
    return _ok("clients", f"{connected} clients are connected{f' ({by_role})' if by_role else ''}.")


def _load(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    sentence = f"The hub was held up for {figures.loop_lag:.1f} seconds within the last minute."
    advice = "Look what else uses this computer's processor (top), and whether it swaps."
    if figures.loop_lag > VERY_LATE_SECONDS:
        return _failed("load", f"{sentence} Windows count it as lost after 4.", advice)
    if figures.loop_lag > LATE_SECONDS:
        return _warning("load", sentence, advice)
    return _ok("load", f"The hub was never held up for more than {figures.loop_lag * 1000:.0f} ms lately.")


def _integrity(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    wrong = {service: count for service, count in figures.integrity_violations.items() if count}
    if wrong:
        lines = ", ".join(f"{service} ({count})" for service, count in sorted(wrong.items()))
        return _failed(
            "integrity",
            f"Places are missing or taken twice in the line of: {lines}.",
            "Run `inturn-hub check integrity` and `inturn-hub check audit`, make a backup, and tell the developers. "
            "Patients can still be called one by one from the list.",
        )
    if beside.checked_ago is None:
        return _ok("integrity", "No line has been checked yet; this hub has just started.")
    if beside.checked_ago > OLD_CHECK_SECONDS and figures.database_away is None:
        return _warning(
            "integrity",
            f"The lines were last checked {duration_words(beside.checked_ago)} ago.",
            "Run `inturn-hub check integrity`, and look at the hub's log for why it can't.",
        )
    return _ok("integrity", f"Every line is sound, as checked {duration_words(beside.checked_ago)} ago.")


def _faults(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    if figures.internal_errors:
        return _warning(
            "faults",
            f"The hub answered {figures.internal_errors} requests with a fault of its own in the last ten minutes.",
            "The log has a traceback for each: please send it to the developers.",
        )
    return _ok("faults", "No request met a fault of the hub's in the last ten minutes.")


def _door(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    if figures.throttled_sign_ins >= MANY_THROTTLED:
        return _warning(
            "door",
            f"{figures.throttled_sign_ins} sign-ins were held back in the last ten minutes: "
            "this may be a password-guessing attack.",
            "The log names their address: find the computer that has it.",
        )
    if figures.refused_connections:
        return _warning(
            "door",
            f"{figures.refused_connections} connections were refused in the last ten minutes: too many at once.",
            "If they are your own, raise `connections` or `connections_per_address`; "
            "if not, the log names their address.",
        )
    if figures.rate_limited >= MANY_LIMITED:
        return _warning(
            "door",
            f"{figures.rate_limited} requests came too fast and were refused in the last ten minutes.",
            "The log names the client. A kiosk that repeats itself without end should be restarted.",
        )
    return _ok("door", "No sign-in, connection or request was held back.")


def _lines(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    if beside.unserved:
        waiting = ", ".join(f"{service} ({count})" for service, count in sorted(beside.unserved.items()))
        return _warning(
            "lines",
            f"Patients wait where no open counter serves them: {waiting}.",
            "Open a counter that serves it, or close the service and tell the patients.",
        )
    return _ok("lines", "Wherever patients wait, a counter is open.")


def _chores(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    down = [chore for chore in beside.failed_chores if chore.again_in is not None]
    mended = [chore for chore in beside.failed_chores if chore not in down and chore.ago < REMEMBERED_SECONDS]
    if not down and not mended:
        return _ok("chores", "Every task beside the requests runs.")
    sentence = " ".join(_failure_of(chore) for chore in (*down, *mended))
    advice = "The log has a traceback for each failure: please send it to the developers."
    if down:
        return _failed("chores", sentence, f"Restart this hub if it does not mend by itself. {advice}")
    return _warning("chores", sentence, advice)


def _clock(figures: HealthFigures, beside: Surroundings) -> HealthCheck:
    doubt = beside.clock_doubt
    if doubt is None:
        return _ok("clock", "The hub's and the database's clocks agree.")
    size = duration_words(doubt.seconds)
    sentence = {
        "apart": f"The hub's clock and the database's differ by {size}.",
        "stepped": f"The clock of the hub's computer was set by {size}.",
        "day": "The business day is more than one day later than the day before.",
    }[doubt.fault]
    advice = (
        "Have the network set both clocks (NTP). The schedule cancels no ticket until they have agreed for "
        "10 minutes. If it is time to close the day, run: inturn-hub day close"
    )
    return (_failed if doubt.lasts else _warning)("clock", sentence, advice)


def _failure_of(chore: FailedChore) -> str:
    times = "once" if chore.failures == 1 else f"{chore.failures} times"
    last = f"{duration_words(chore.ago)} ago ({chore.failure})"
    since = last if chore.failures == 1 else f"last {last}"
    now = (
        "it runs again"
        if chore.again_in is None
        else f"it is tried again in {duration_words(chore.again_in)}"
    )
    return f"The {chore.name} failed {times}, {since}; {now}."


def _calls(count: int) -> str:
    return "1 call waits" if count == 1 else f"{count} calls wait"


def _ok(check: str, sentence: str) -> HealthCheck:
    return HealthCheck(check=check, level="ok", sentence=sentence)


def _warning(check: str, sentence: str, advice: str) -> HealthCheck:
    return HealthCheck(check=check, level="warning", sentence=sentence, advice=advice)


def _failed(check: str, sentence: str, advice: str) -> HealthCheck:
    return HealthCheck(check=check, level="failed", sentence=sentence, advice=advice)


_CHECKS: tuple[Callable[[HealthFigures, Surroundings], HealthCheck], ...] = (
    _database,
    _notifications,
    _integrity,
    _pool,
    _clients,
    _load,
    _faults,
    _door,
    _lines,
    _chores,
    _clock,
)
