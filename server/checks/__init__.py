"""Checks lines, history, database and hubs for faults. Only these server modules may use `core.client`."""
