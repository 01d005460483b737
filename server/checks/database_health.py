"""Checks the database server: version, schema, locks, open transactions, clock and disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.errors import SetupError
from server.checks.finding import Finding, Level
from server.database.schema_revision import OLDEST_POSTGRESQL, needed_schema
from server.schema import revisions
from server.schema.hub_role import may_call

GIGABYTE = 1_000_000_000
_HEALS = (
    "Look whether the database's clock is right, and have the network set it (NTP). "
    "With a right clock the next ticket mends it by itself."
)


@dataclass(frozen=True)
class Thresholds:
    """Limits above (for `disk`: below) which a check reports a finding.

    Attributes:
        lock_wait: seconds that a statement waits for a lock.
        transaction: seconds that a transaction is open.
        clock: seconds between the database's clock and this computer's.
        disk: free bytes; below a tenth of them the finding is a failure.
    """

    lock_wait: float = 1.0
    transaction: float = 20.0
    clock: float = 2.0
    disk: int = 2 * GIGABYTE


def server_findings(connection: Connection) -> Iterator[Finding]:
    """Checks the version, that the server takes writes, and that commits don't wait for an absent standby."""
    started = perf_counter()
    query = text("SELECT current_setting('server_version_num')::int, version(), pg_is_in_recovery()")
    number, version, standby = connection.execute(query).one()
    milliseconds = (perf_counter() - started) * 1000
    name = " ".join(version.split()[:2])
    if number < OLDEST_POSTGRESQL:
        yield Finding("FAILED", "database", f"{name} is too old. InTurn needs version 15 or newer.")
    elif standby:
        yield Finding(
            "FAILED", "database", f"{name} is a copy that can't be written to. Name its primary server."
        )
    elif _misses_standby(connection):
        advice = "Start it, or do without: ALTER SYSTEM SET synchronous_standby_names = '', then SELECT pg_reload_conf()."
        yield Finding("FAILED", "database", f"Every change waits for a standby that is not there. {advice}")
    else:
        yield Finding("ok", "database", f"{name} answers in {milliseconds:.1f} ms.")


def _misses_standby(connection: Connection) -> bool:
    """Whether commits wait for a synchronous standby although none is connected."""
    query = text(
        "SELECT current_setting('synchronous_standby_names') <> '' AND current_setting('synchronous_commit') "
        "NOT IN ('off', 'local') AND NOT EXISTS (SELECT FROM pg_stat_replication)"
    )
    return bool(connection.execute(query).scalar_one())


def schema_findings(connection: Connection) -> Iterator[Finding]:
    """Checks that the schema is this program's; later checks rely on it."""
    found = revisions.schema_in_force(connection)
    try:
        missing = revisions.missing_revisions(connection)
    except SetupError as error:
        yield Finding("FAILED", "schema", error.message)
        return
    if found is None:
        yield Finding("FAILED", "schema", "There is no InTurn in this database. Run: inturn-hub db upgrade")
    elif missing:
        yield Finding("FAILED", "schema", f"It lacks {', '.join(missing)}. Run: inturn-hub db upgrade")
    elif found.functions != needed_schema().functions:
        yield Finding("FAILED", "schema", "Its functions are another InTurn's. Run: inturn-hub db upgrade")
    query = text(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = :lock AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    if process := connection.execute(query, {"lock": revisions.UPGRADE_LOCK}).scalar():
        yield Finding(
            "warning", "schema", f"Process {process} is upgrading it just now. Look again when that is over."
        )


def lock_findings(connection: Connection, limits: Thresholds) -> Iterator[Finding]:
    """Statements that wait for another session's lock for too long: a patient or a member of staff waits with each."""
    query = text(
        "SELECT count(*), max(extract(epoch FROM clock_timestamp() - l.waitstart))::float, "
        "(array_agg((pg_blocking_pids(l.pid))[1] ORDER BY l.waitstart))[1] FROM pg_locks l "
        "JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database() "
        "AND l.waitstart < clock_timestamp() - make_interval(secs => :limit)"
    )
    waiting, seconds, process = connection.execute(query, {"limit": limits.lock_wait}).one()
    if waiting:
        what = "1 statement waits" if waiting == 1 else f"{waiting} statements wait"
        holder = _described(connection, process)
        advice = f"To end it: SELECT pg_terminate_backend({process})"
        yield Finding(
            "FAILED", "locks", f"{what} for a lock, since {seconds:.0f} s, held by {holder}. {advice}"
        )


def transaction_findings(connection: Connection, limits: Thresholds) -> Iterator[Finding]:
    """Transactions that are open for too long: VACUUM can't remove rows newer than them, and every line gets slower."""
    query = text(
        "SELECT pid, extract(epoch FROM clock_timestamp() - xact_start)::float, state FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' "
        "AND xact_start < clock_timestamp() - make_interval(secs => :limit) ORDER BY xact_start"
    )
    for process, seconds, state in connection.execute(query, {"limit": limits.transaction}).all():
        owner = _described(connection, process)
        advice = f"The lines get slower with it. To end it: SELECT pg_terminate_backend({process})"
        yield Finding(
            "warning", "transactions", f"One is open since {seconds:.0f} s ({state}), by {owner}. {advice}"
        )
    hidden = text(
        "SELECT count(*), current_user FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type IS NULL AND pid <> pg_backend_pid()"
    )
    sessions, account = connection.execute(hidden).one()
    if sessions:
        advice = f"To see them: GRANT pg_read_all_stats TO {account}"
        yield Finding(
            "warning", "transactions", f"{sessions} sessions of other accounts can't be seen. {advice}"
        )


def clock_findings(
    connection: Connection, limits: Thresholds, now: Callable[[], datetime]
) -> Iterator[Finding]:
    """Compares the database's clock with this computer's."""
    before = now()
    there: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    difference = (there - before - (now() - before) / 2).total_seconds()
    if abs(difference) > limits.clock:
        way = "ahead of" if difference > 0 else "behind"
        yield Finding(
            "warning",
            "clock",
            f"The database's clock is {abs(difference):.0f} s {way} this computer's. Set both by the network (NTP).",
        )


def service_findings(connection: Connection) -> Iterator[Finding]:
    """Services that no counter serves: patients would wait for ever."""
    query = text(
        "SELECT code, name FROM services s WHERE retired_on IS NULL "
        "AND NOT EXISTS (SELECT FROM counter_services WHERE service_id = s.id) ORDER BY sort_order, id"
    )
    for code, name in connection.execute(query):
        advice = f"Run: inturn-hub counter set CODE --services {code},…"
        yield Finding("warning", "services", f"No counter serves {code} ({name}). {advice}")


def recorded_time_findings(connection: Connection) -> Iterator[Finding]:
    """Lines whose last event or business day is in the future: the clock was ahead when they were written.

    Only the database's owner can read them; for other accounts there are no findings.
    """
    if not may_call(connection):
        return
    query = text(
        "SELECT code, CASE WHEN last_event_at > clock_timestamp() + interval '1 second' THEN utc_text(last_event_at) "
        "END, CASE WHEN business_day > business_day_at(clock_timestamp()) THEN business_day END FROM services ORDER BY id"
    )
    for code, event_at, day in connection.execute(query).all():
        if event_at is not None:
            fault = (
                f"its last event is of {event_at}, a time to come: the clock was ahead, or it is behind now"
            )
            yield Finding("warning", "clock", f"{code}: {fault}. {_HEALS}")
        elif day is not None:
            fault = f"its business day is {day} already: the clock was ahead, or it is behind now"
            yield Finding("warning", "clock", f"{code}: {fault}. {_HEALS}")


def disk_findings(connection: Connection, limits: Thresholds, directory: Path | None) -> Iterator[Finding]:
    """Checks the free space of the database's disk, if the database is on this computer."""
    try:
        where = directory or _data_directory(connection)
        free = shutil.disk_usage(where).free if where is not None else None
    except (OSError, DBAPIError):
        connection.rollback()
        account = connection.execute(text("SELECT current_user")).scalar_one()
        advice = f"GRANT pg_read_all_settings TO {account}, or look at the disk yourself."
        yield Finding("warning", "disk", f"The room that is left can't be seen. {advice}")
        return
    if free is None:
        yield Finding("ok", "disk", "The database is on another computer: look at its disk there.")
    elif free < limits.disk:
        level: Level = "FAILED" if free < limits.disk / 10 else "warning"
        advice = "Make room: a full disk stops every line."
        yield Finding(level, "disk", f"{free / GIGABYTE:.1f} GB are left in {where}. {advice}")
    else:
        yield Finding("ok", "disk", f"{free / GIGABYTE:.0f} GB are left in {where}.")


def _data_directory(connection: Connection) -> Path | None:
    """The server's data directory; None if on another computer. Raises DBAPIError if the account may not read it."""
    local = "inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr()"
    if not connection.execute(text(f"SELECT {local}")).scalar_one():
        return None
    return Path(connection.execute(text("SELECT current_setting('data_directory')")).scalar_one())


def _described(connection: Connection, process: int | None) -> str:
    query = text("SELECT application_name, usename FROM pg_stat_activity WHERE pid = :process")
    row = connection.execute(query, {"process": process}).first()
    program = " of ".join(str(part) for part in row or () if part)
    return f"process {process} ({program})" if program else f"process {process}"
