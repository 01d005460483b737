"""Every method of the wire, grouped by its first word; importing this package fills `server.commands.REGISTRY`."""

from server.routers import counters, queue, services, system, tickets

__all__ = ["counters", "queue", "services", "system", "tickets"]
