"""Roles of the wire: those of devices, those of people, and the sets of roles that methods admit."""

from __future__ import annotations

ROLES = ("kiosk", "monitor", "staff", "supervisor", "admin")
"""Every role, in the order in which documents list them."""
DEVICE_ROLES = ROLES[:2]
PERSON_ROLES = ROLES[2:]

KIOSK = frozenset({"kiosk"})
MONITOR = frozenset({"monitor"})
STAFF = frozenset(PERSON_ROLES)
SUPERVISOR = frozenset({"supervisor", "admin"})
ADMIN = frozenset({"admin"})
ALL_ROLES = frozenset(ROLES)
LISTS_COUNTERS = MONITOR | STAFF
"""Roles that get the list of counters; a kiosk does not."""
