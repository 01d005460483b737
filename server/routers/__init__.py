"""The hub's methods, grouped by the first word of their names. Importing this package fills the registry."""

from server.routers import accounts, clinic_settings, counters, queue, services, system, tickets
from server.routers.registry import execute

__all__ = [
    "accounts",
    "clinic_settings",
    "counters",
    "execute",
    "queue",
    "services",
    "system",
    "tickets",
]
