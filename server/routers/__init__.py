"""Every method of the wire, grouped by its first word. Importing this package fills the registry that `execute` reads."""

from server.commands import execute
from server.routers import counters, discovery, queue, services, system, tickets

__all__ = ["counters", "discovery", "execute", "queue", "services", "system", "tickets"]
