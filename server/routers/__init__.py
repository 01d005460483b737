"""The hub's methods, grouped by the first word of their names. Importing this package fills the registry."""

from server.routers import counters, queue, services, system, tickets
from server.routers.registry import execute

__all__ = ["counters", "execute", "queue", "services", "system", "tickets"]
