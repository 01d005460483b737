"""Caches the site, its services and its counters: for `services.list`, `counters.list` and wait estimates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from core.line.queue_ahead import waiting_ahead
from core.line.queue_rules import (
    LineLoad,
    LineWork,
    OpenCounter,
    calculate_position_and_wait_time,
    estimated_wait,
    line_loads,
)
from core.line.tickets import CounterSummary, ServiceState, ServiceSummary, Site, Ticket, WaitBracket
from server.database.calls import Database
from server.door.visibility import View, counter_view


class ServiceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One service as SQL function `services_overview` returns it, with the figures that a wait estimate needs.

    Attributes:
        state: follows from `open`, the opening hours and the quota. open: what staff set.
        pace: seconds a consultation takes, as measured or as configured.
        pace_spread: standard deviation of `pace` in seconds; None until it is measured.
    """

    code: str
    name: str
    names: dict[str, str]
    alias: str | None
    icon: str | None
    order: int
    group: str | None
    where: dict[str, str]
    wait_target: int | None
    state: ServiceState
    open: bool
    opens_at: datetime | None
    waiting: int
    revision: int
    pace: int
    pace_spread: int | None

    @property
    def line(self) -> LineWork:
        """The service's line as input of a wait estimate."""
        return LineWork(self.waiting, self.pace, self.pace_spread)

    def summary(self, wait: WaitBracket | None, ahead: int | None) -> ServiceSummary:
        """The service's entry in `services.list`; `wait` and `ahead` are those of a patient who joins now."""
        return ServiceSummary(
            code=self.code,
            name=self.name,
            names=self.names,
            alias=self.alias,
            icon=self.icon,
            order=self.order,
            group=self.group,
            where=self.where,
            wait_target=self.wait_target,
            state=self.state,
            opens_at=self.opens_at,
            open=self.open,
            waiting=self.waiting,
            estimated_wait=wait,
            ahead=ahead,
            revision=self.revision,
        )


class SiteRow(msgspec.Struct, frozen=True, kw_only=True):
    """The site's settings; `request_salt` is hexadecimal."""

    epoch: str
    config_revision: int
    request_salt: str
    site: Site


class ClinicLists:
    """Reads and caches the site, the services and the counters.

    Attributes:
        site: set by the first `refresh`.
        services: service code -> row.
        counters: in display order, staff view.
    """

    def __init__(self, database: Database) -> None:
        self.site: SiteRow
        self.services: dict[str, ServiceRow] = {}
        self.counters: tuple[CounterSummary, ...] = ()
        self._loads: dict[str, LineLoad] = {}
        self._database = database
        self._reading = asyncio.Lock()

    @property
    def epoch(self) -> str:
        """The database's epoch."""
        return self.site.epoch

    @property
    def stale(self) -> bool:
        """Whether the database is unreachable, so that the cached values may be out of date."""
        return not self._database.available

    @property
    def revisions(self) -> dict[str, int]:
        """Service code -> revision, as last read."""
        return {code: row.revision for code, row in self.services.items()}

    @property
    def states(self) -> dict[str, str]:
        """Service code -> state, as last read."""
        return {code: row.state for code, row in self.services.items()}

    async def refresh(self) -> None:
        """Reads the site, the services and the counters again. Raises Unavailable.

        One read at a time: an older one must not replace the result of a newer one.
        """
        async with self._reading:
            await self._read()

    async def _read(self) -> None:
        site = msgspec.json.decode(await self._database.call("site_overview"), type=SiteRow)
        rows = msgspec.json.decode(
            await self._database.call("services_overview"), type=tuple[ServiceRow, ...]
        )
        counters = await self._database.call("counters_overview")
        self.counters = msgspec.json.decode(counters, type=tuple[CounterSummary, ...])
        self.services = {row.code: row for row in rows}
        self._loads = _loads(self.services, self.counters)
        self.site = site

    def service_list(self) -> dict[str, Any]:
        """Result of `services.list`."""
        waiting = {code: row.waiting for code, row in self.services.items()}
        services = [
            row.summary(self._wait_at_the_end(row), waiting_ahead(code, self.counters, waiting))
            for code, row in self.services.items()
        ]
        return {"services": services, "stale": self.stale, "site": self.site.site}

    def counter_list(self, view: View) -> dict[str, Any]:
        """Result of `counters.list` in this view."""
        counters = [counter_view(counter, view) for counter in self.counters]
        return {"counters": counters, "stale": self.stale}

    def counter(self, code: str, view: View) -> Any:
        """One counter in this view; the code must be in `counters`."""
        return next(counter_view(counter, view) for counter in self.counters if counter.code == code)

    def services_of(self, counter: str) -> tuple[str, ...]:
        """Codes of the services that this counter serves; empty for an unknown counter."""
        return next((known.services for known in self.counters if known.code == counter), ())

    def wait_of(self, ticket: Ticket) -> WaitBracket | None:
        """Estimated wait of a waiting ticket; None if the ticket is not waiting or no counter is open."""
        load = self._loads.get(ticket.service)
        if ticket.position is None or load is None:
            return None
        return calculate_position_and_wait_time(ticket.position, 1, load)[1]

    def _wait_at_the_end(self, row: ServiceRow) -> WaitBracket | None:
        return estimated_wait(row.waiting, self._loads[row.code])


def is_staffed(counter: CounterSummary) -> bool:
    """Whether a person works at the counter."""
    return counter.state == "open" and counter.held_by is not None and not counter.away


def _loads(services: Mapping[str, ServiceRow], counters: Iterable[CounterSummary]) -> dict[str, LineLoad]:
    """Load of every line over the open counters that are staffed, or over all open counters if none is staffed."""
    opened = [counter for counter in counters if counter.state == "open"]
    staffed = [counter for counter in opened if is_staffed(counter)]
    desks = [
        OpenCounter(frozenset(counter.services), counter.ticket.service if counter.ticket else None)
        for counter in staffed or opened
    ]
    lines = {code: row.line for code, row in services.items()}
    return line_loads(lines, desks)
