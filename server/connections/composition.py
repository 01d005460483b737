"""A hub's parts, put together once: what a connection needs to serve its client."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from server.database.calls import Database
from server.database.channel import DatabaseChannel
from server.door.access import Access
from server.door.limits import Limits
from server.health.condition import HubCondition
from server.health.metrics import Metrics
from server.health.watch import HubWatch
from server.operations.queue_operations import QueueOperations
from server.operations.turns_at_lines import Lanes
from server.pushes.notification_service import NotificationService
from server.pushes.services_and_counters import Overview


@dataclass(frozen=True)
class HubParts:
    """Everything behind the sockets; `version` is the program's."""

    database: Database
    access: Access
    overview: Overview
    operations: QueueOperations
    notifications: NotificationService
    metrics: Metrics
    watch: HubWatch
    condition: HubCondition
    version: str


async def assemble(database: Database, limits: Limits) -> HubParts:
    """Reads the site and builds the parts on an open database. Raises Unavailable."""
    overview = Overview(database)
    await overview.refresh()
    salt = bytes.fromhex(overview.site.request_salt)
    operations = QueueOperations(database, salt, Lanes(), overview.services_of)
    notifications = NotificationService(database, operations, overview, DatabaseChannel(database.address))
    watch, version = HubWatch(database, operations, overview), _version()
    metrics = Metrics(notifications, database, watch, version)
    return HubParts(
        database=database,
        access=Access(database, limits),
        overview=overview,
        operations=operations,
        notifications=notifications,
        metrics=metrics,
        watch=watch,
        condition=HubCondition(notifications, database, watch, metrics, version),
        version=version,
    )


def _version() -> str:
    try:
        return metadata.version("inturn")
    except metadata.PackageNotFoundError:
        return "unpackaged"
