"""Tickets and services as tests need them: a test names the members that matter to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from core.line.tickets import ServiceSummary, Ticket

BUSINESS_DAY = "2026-11-23"
NOW = datetime(2026, 11, 23, 10, 42, tzinfo=UTC)


def make_ticket(number: str = "A012", **members: Any) -> Ticket:
    """A ticket that waits for the service of its number's first letter since `NOW`."""
    usual: dict[str, Any] = {
        "id": f"id-{number}",
        "service": number[0],
        "origin_service": members.get("service", number[0]),
        "business_day": BUSINESS_DAY,
        "priority": "medium",
        "status": "waiting",
        "joined_at": NOW,
    }
    return Ticket(number=number, **(usual | members))


def make_service(code: str = "A", name: str = "See a doctor", **members: Any) -> ServiceSummary:
    """A service that is open, where no patient waits."""
    return ServiceSummary(code=code, name=name, **members)
