"""Who may call what: every method, every role, over real sockets."""

from __future__ import annotations

import pytest

from core.errors import Forbidden, HubError
from core.hub_client import HubClient
from core.session import PersonCredentials
from server.commands import REGISTRY
from tests.clinic import PASSWORD, Clinic
from tests.conftest import Run
from tests.hub_process import HubProcess

ROLES = ("kiosk", "monitor", "staff", "supervisor", "admin")
PEOPLE = "staff supervisor admin"
EVERYBODY = f"kiosk monitor {PEOPLE}"

PROTOCOL = {
    "services.list": EVERYBODY,
    "counters.list": f"monitor {PEOPLE}",
    "counters.open": PEOPLE,
    "counters.pause": PEOPLE,
    "counters.close": PEOPLE,
    "queue.subscribe": EVERYBODY,
    "queue.snapshot": EVERYBODY,
    "tickets.join": f"kiosk {PEOPLE}",
    "tickets.get": f"kiosk {PEOPLE}",
    "tickets.cancel": f"kiosk {PEOPLE}",
    "tickets.update": PEOPLE,
    "queue.call_next": PEOPLE,
    "queue.call": PEOPLE,
    "queue.recall": PEOPLE,
    "queue.complete": PEOPLE,
    "queue.no_show": PEOPLE,
    "queue.park": PEOPLE,
    "queue.unpark": PEOPLE,
    "queue.transfer": PEOPLE,
    "queue.set_priority": "supervisor admin",
    "queue.move": "supervisor admin",
    "queue.undo": PEOPLE,
    "queue.validate_integrity": "supervisor admin",
    "services.open": "supervisor admin",
    "services.pause": "supervisor admin",
    "services.close": "supervisor admin",
    "services.close_day": "admin",
    "ping": EVERYBODY,
    "session.end": PEOPLE,
}
"""What the protocol promises: method -> roles."""


def test_the_registry_has_the_protocols_roles() -> None:
    assert {name: set(command.roles) for name, command in REGISTRY.items()} == {
        name: set(roles.split()) for name, roles in PROTOCOL.items()
    }


@pytest.mark.parametrize("role", ROLES)
def test_every_method_refuses_whom_it_should(run: Run, clinic: Clinic, hub: HubProcess, role: str) -> None:
    devices = {"kiosk": clinic.kiosk, "monitor": clinic.monitor}

    async def answer(client: HubClient, method: str) -> str:
        """The reason of a refusal; a made-up parameter keeps what is allowed from happening."""
        try:
            await client.request(method, {"made_up": 1})
        except Forbidden:
            return "forbidden"
        except HubError as error:
            return error.reason
        return "done"

    async def story() -> None:
        credentials = devices.get(role) or PersonCredentials(role, PASSWORD)
        async with HubClient(hub.url, credentials, follow=False) as client:
            for method, roles in PROTOCOL.items():
                expected = "invalid_params" if role in roles.split() else "forbidden"
                assert await answer(client, method) == expected, method

    run(story())
