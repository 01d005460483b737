"""`inturn-hub doctor`: checks the database server, the schema and the hubs; one finding or more for each check.

It reads only, apart from the operations that it runs in a transaction and rolls back. `inturn-hub check` checks the lines
themselves. It needs no superuser: a check that lacks a privilege reports that.
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
    service_findings,
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

Check = Callable[[Connection], Iterable[Finding]]


def local_now() -> datetime:
    """The time of this computer's clock."""
    return datetime.now(UTC)


def examine(
    engine: Engine,
    hub: str,
    directory: Path | None,
    limits: Thresholds | None = None,
    now: Callable[[], datetime] = local_now,
    hub_ca: str = "",
) -> Iterator[Finding]:
    """Runs every check of the database and of the hubs; yields at least one finding for each.

    Args:
        hub: the address of the hub, or of several hubs, separated by commas.
        directory: the database's data directory, if it is known to be on this computer.
        hub_ca: file of the authority that signed the hubs' certificates; "": the system's authorities.

    Raises DBAPIError when the connection is lost; SetupError for an invalid address or an unreadable file.
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
        yield from _found(engine, "services", "Each is served by a counter.", service_findings)
    yield from _found(engine, "locks", "No statement waits for one.", partial(lock_findings, limits=limits))
    idle = partial(transaction_findings, limits=limits)
    yield from _found(engine, "transactions", "None is open for long.", idle)
    clocks: list[Check] = [partial(clock_findings, limits=limits, now=now), *[recorded_time_findings] * ours]
    yield from _found(
        engine, "clock", "The database's and this computer's agree, and never ran ahead.", *clocks
    )
    yield from _found(engine, "disk", "", partial(disk_findings, limits=limits, directory=directory))


def _found(engine: Engine, name: str, fine: str, *checks: Check) -> Iterator[Finding]:
    """The findings of checks under one name; an "ok" with the text `fine` if there are none."""
    with engine.connect() as connection:
        findings = [finding for check in checks for finding in check(connection)]
    yield from findings or [Finding("ok", name, fine)]


def hub_address(settings: Settings) -> str:
    """Address of this installation's hub: the one set for windows, or else the one where `serve` listens."""
    if settings.hub != DEFAULT_HUB:
        return settings.hub
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    scheme = "wss" if settings.tls_cert else "ws"
    return f"{scheme}://{everywhere.get(settings.host, settings.host)}:{settings.port}/ws"
