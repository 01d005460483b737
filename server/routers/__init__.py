"""Every method of the wire, grouped by its first word. Importing this package fills the registry that `execute` reads."""

from server.routers import counters, queue, services, system, tickets
from server.routers.registry import execute

__all__ = ["counters", "execute", "queue", "services", "system", "tickets"]
