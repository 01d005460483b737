"""Builds a hub's components once: the parts that a connection needs to serve its client."""

from __future__ import annotations

from dataclasses import dataclass

from core.entry import version
from server.chores import Chores
from server.database.calls import Database
from server.database.channel import DatabaseChannel
from server.door.access import Access
from server.door.limits import Limits
from server.health.clocks import Clocks
from server.health.condition import HubCondition
from server.health.metrics import Metrics
from server.health.watch import HubWatch
from server.operations.administration import Administration
from server.operations.queue_operations import QueueOperations
from server.operations.turns_at_lines import LineTurns
from server.pushes.clinic_lists import ClinicLists
from server.pushes.notification_service import NotificationService
from server.timings import Timings


@dataclass(frozen=True)
class HubComponents:
    """The parts of a hub behind its sockets; `version` is the program's."""

    database: Database
    access: Access
    clinic_lists: ClinicLists
    operations: QueueOperations
    administration: Administration
    notifications: NotificationService
    metrics: Metrics
    watch: HubWatch
    condition: HubCondition
    clocks: Clocks
    timings: Timings
    version: str


async def assemble(database: Database, limits: Limits, chores: Chores, timings: Timings) -> HubComponents:
    """Reads the site and builds the components on an open database. Raises Unavailable."""
    clinic_lists = ClinicLists(database)
    await clinic_lists.refresh()
    salt = bytes.fromhex(clinic_lists.site.request_salt)
    operations = QueueOperations(database, salt, LineTurns(timings.line), clinic_lists.services_of)
    channel = DatabaseChannel(database.address, timings.echo)
    notifications = NotificationService(database, operations, clinic_lists, channel, timings)
    watch, release = HubWatch(database, operations, clinic_lists, timings), version()
    clocks = Clocks()
    metrics = Metrics(notifications, database, watch, chores, release, timings)
    return HubComponents(
        database=database,
        access=Access(database, limits),
        clinic_lists=clinic_lists,
        operations=operations,
        administration=Administration(database, salt),
        notifications=notifications,
        metrics=metrics,
        watch=watch,
        condition=HubCondition(notifications, database, watch, metrics, chores, clocks, release),
        clocks=clocks,
        timings=timings,
        version=release,
    )
