"""`inturn-hub doctor`: everything around the lines that can be out of order, a line a check, with what to do.

It reads, and tries the operations in a transaction that it takes back; whether the lines themselves are sound is the
matter of `inturn-hub check`. It needs no superuser: what it may not see, it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine

from core.client.hub_address import checked_addresses
from core.client.hub_connection import trust_for
from core.settings import DEFAULT_HUB, Settings
from server.checks.database_health import (
    Thresholds,
    clock_findings,
    disk_findings,
    lock_findings,
    recorded_time_findings,
    schema_findings,
    server_findings,
    transaction_findings,
)
from server.checks.finding import Finding
from server.checks.hub_health import hub_findings
from server.checks.plans import plan_findings
from server.checks.schema_objects import (
    constraint_findings,
    function_findings,
    index_findings,
    role_findings,
    trigger_findings,
)

Look = Callable[[Connection], Iterable[Finding]]


def local_now() -> datetime:
    """This computer's clock."""
    return datetime.now(UTC)


def examine(
    engine: Engine,
    hub: str,
    directory: Path | None,
    limits: Thresholds | None = None,
    now: Callable[[], datetime] = local_now,
    hub_ca: str = "",
) -> Iterator[Finding]:
    """What is found in the database and at the hubs: at least one finding a check.

    Args:
        hub: the address where windows connect; of several hubs with commas. directory: of the database's files, if they
            are known to be here. hub_ca: the file of the authority behind the hubs' certificates; "": the system's.

    Raises DBAPIError when the database is lost on the way; SetupError for an address or a file that is none.
    """
    urls = checked_addresses(hub)
    trusted = trust_for(urls, hub_ca)
    yield from _examine_database(engine, directory, limits or Thresholds(), now)
    for url in urls:
        yield from hub_findings(url, trusted)


def _examine_database(
    engine: Engine, directory: Path | None, limits: Thresholds, now: Callable[[], datetime]
) -> Iterator[Finding]:
    yield from _found(engine, "database", "It answers.", server_findings)
    schema = list(_found(engine, "schema", "It is this program's.", schema_findings))
    yield from schema
    ours = all(finding.level == "ok" for finding in schema)
    if ours:
        yield from _found(engine, "constraints", "All are there and hold.", constraint_findings)
        yield from _found(engine, "indexes", "All are there and valid.", index_findings)
        yield from _found(
            engine, "triggers", "All are there and on: no event can be rewritten.", trigger_findings
        )
        yield from _found(engine, "functions", "All are as InTurn made them.", function_findings)
        acts = "Hubs act as inturn_hub: they call operations and can neither read nor write a table."
        yield from _found(engine, "role", acts, role_findings)
        yield from plan_findings(engine)
    yield from _found(engine, "locks", "Nobody waits for one.", partial(lock_findings, limits=limits))
    idle = partial(transaction_findings, limits=limits)
    yield from _found(engine, "transactions", "None is open for long.", idle)
    clocks: list[Look] = [partial(clock_findings, limits=limits, now=now), *[recorded_time_findings] * ours]
    yield from _found(
        engine, "clock", "The database's and this computer's agree, and never ran ahead.", *clocks
    )
    yield from _found(engine, "disk", "", partial(disk_findings, limits=limits, directory=directory))


def _found(engine: Engine, check: str, fine: str, *looks: Look) -> Iterator[Finding]:
    """What a check found; `fine` when that is nothing."""
    with engine.connect() as connection:
        findings = [finding for look in looks for finding in look(connection)]
    yield from findings or [Finding("ok", check, fine)]


def hub_address(settings: Settings) -> str:
    """Where this installation's hub should be: as set for windows, else where `serve` would listen."""
    if settings.hub != DEFAULT_HUB:
        return settings.hub
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    scheme = "wss" if settings.tls_cert else "ws"
    return f"{scheme}://{everywhere.get(settings.host, settings.host)}:{settings.port}/ws"
