"""The site, its services and its counters as the hub last read them: what lists answer and what estimates rest on."""

from __future__ import annotations

from typing import Any

import msgspec

from core.queue_rules import calculate_position_and_wait_time, estimated_wait
from core.tickets import CounterSummary, ServiceState, ServiceSummary, Site, Ticket, WaitBracket
from server.database import Database
from server.views import View, counter_view


class ServiceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A service with what an estimate needs: `pace` in seconds a patient, open counters that serve it."""

    code: str
    name: str
    names: dict[str, str]
    alias: str | None
    icon: str | None
    order: int
    open: bool
    waiting: int
    revision: int
    pace: int
    counters_open: int

    def summary(self) -> ServiceSummary:
        """As `services.list` shows it."""
        state: ServiceState = "open" if self.open else "closed"
        return ServiceSummary(
            code=self.code,
            name=self.name,
            names=self.names,
            alias=self.alias,
            icon=self.icon,
            order=self.order,
            state=state,
            open=self.open,
            waiting=self.waiting,
            estimated_wait=estimated_wait(self.waiting, self.pace, self.counters_open),
            revision=self.revision,
        )


class SiteRow(msgspec.Struct, frozen=True, kw_only=True):
    """The site's settings; `request_salt` is hexadecimal."""

    epoch: str
    config_revision: int
    request_salt: str
    site: Site


class Overview:
    """Reads and remembers the lists.

    Attributes:
        site: the site's row. services: service code -> row. counters: in their order, staff view.
    """

    def __init__(self, database: Database) -> None:
        self.site: SiteRow
        self.services: dict[str, ServiceRow] = {}
        self.counters: tuple[CounterSummary, ...] = ()
        self._database = database

    @property
    def epoch(self) -> str:
        """The database's epoch."""
        return self.site.epoch

    @property
    def revisions(self) -> dict[str, int]:
        """Service code -> revision, as last read."""
        return {code: row.revision for code, row in self.services.items()}

    async def refresh(self) -> None:
        """Reads everything again. Raises Unavailable."""
        site = msgspec.json.decode(await self._database.call("site_overview"), type=SiteRow)
        rows = msgspec.json.decode(
            await self._database.call("services_overview"), type=tuple[ServiceRow, ...]
        )
        counters = await self._database.call("counters_overview")
        self.counters = msgspec.json.decode(counters, type=tuple[CounterSummary, ...])
        self.services = {row.code: row for row in rows}
        self.site = site

    def service_list(self) -> dict[str, Any]:
        """The answer of `services.list`."""
        return {"services": [row.summary() for row in self.services.values()]}

    def counter_list(self, view: View) -> dict[str, Any]:
        """The answer of `counters.list` for a view."""
        return {"counters": [counter_view(counter, view) for counter in self.counters]}

    def counter(self, code: str, view: View) -> Any:
        """One counter for a view."""
        return next(counter_view(counter, view) for counter in self.counters if counter.code == code)

    def wait_of(self, ticket: Ticket) -> WaitBracket | None:
        """The likely wait of a ticket that waits; None for another, or while no counter is open."""
        row = self.services.get(ticket.service)
        if ticket.position is None or row is None:
            return None
        return calculate_position_and_wait_time(ticket.position, 1, row.pace, row.counters_open)[1]
