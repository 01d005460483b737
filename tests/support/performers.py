"""Performers of operations for the model tests: the SQL functions, or clients of two hubs over the wire."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import psycopg

from core.client.hub_client import HubClient
from core.errors import HubError
from core.wire.session import PersonCredentials
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.model_clinic import ModelClinic
from tests.support.model_records import Refused

PEOPLE = ("staff", "supervisor", "admin")
MAY = {
    "queue.move": PEOPLE[1:],
    "queue.set_priority": PEOPLE[1:],
    "services.state": PEOPLE[1:],
    "services.close_day": PEOPLE[2:],
}
"""Method -> the people who may call it; methods without an entry are for all three."""
FUNCTIONS = {
    "tickets.join": ("join_queue", "service", "priority", "patient_name"),
    "tickets.cancel": ("cancel_ticket", "ticket"),
    "tickets.update": ("update_ticket", "ticket", "changes"),
    "queue.call_next": ("call_next_patient", "counter", "complete", "supervisor"),
    "queue.call": ("call_patient", "ticket", "counter", "supervisor"),
    "queue.recall": ("recall_patient", "ticket", "supervisor"),
    "queue.complete": ("finish_consultation", "ticket", "status", "supervisor"),
    "queue.no_show": ("finish_consultation", "ticket", "status", "supervisor"),
    "queue.park": ("park_ticket", "ticket", "reason", "supervisor"),
    "queue.unpark": ("unpark_ticket", "ticket", "place"),
    "queue.transfer": ("transfer_ticket", "ticket", "service", "place", "supervisor"),
    "queue.set_priority": ("set_ticket_priority", "ticket", "priority"),
    "queue.move": ("move_ticket", "ticket", "position"),
    "queue.undo": ("undo_operation", "operation"),
    "services.state": ("set_service_state", "service", "state"),
    "counters.state": ("set_counter_state", "counter", "state", "reason", "supervisor"),
    "services.close_day": ("close_day", "service"),
}
"""Method -> its SQL function and that function's arguments, by the wire's names."""


class Sql:
    """Performs operations by the SQL functions, for all people on the same connection."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self.connection = psycopg.connect(clinic.database_url.replace("+psycopg", ""), autocommit=True)

    def perform(self, person: str, method: str, key: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of an operation. Raises Refused."""
        function, *names = FUNCTIONS[method]
        values_by_name = {
            **params,
            "supervisor": person != "staff",
            "reason": None,
            "changes": json.dumps({"note": params.get("note")}),
            "status": "no_show" if method == "queue.no_show" else "completed",
        }
        values = [values_by_name.get(name) for name in names]
        places = ", %s" * len(values)
        query = f"SELECT {function}(%s, %s, sha256(%s){places})"
        arguments = (actor_of(person), key, repr((method, values)).encode(), *values)
        try:
            row = self.connection.execute(query, arguments).fetchone()
        except psycopg.Error as error:
            if error.sqlstate != "IT000":
                raise
            raise Refused(error.diag.message_primary) from error
        assert row is not None
        result: dict[str, Any] = row[0]["result"]
        return result

    def close(self) -> None:
        """Ends the connection."""
        self.connection.close()


class Wire(Sql):
    """Performs operations over the wire: the supervisor at one hub, the other people at another, on one database."""

    def __init__(self, clinic: Clinic, hubs: list[HubProcess], runner: asyncio.Runner) -> None:
        super().__init__(clinic)
        self._runner = runner
        admin = PersonCredentials("admin", clinic.staff.password)
        people = zip((clinic.staff, clinic.supervisor, admin), (hubs[0], hubs[1], hubs[0]), strict=True)
        self._clients = {person.username: runner.run(_connected(hub.url, person)) for person, hub in people}

    def perform(self, person: str, method: str, key: str, params: dict[str, Any]) -> dict[str, Any]:
        values_by_name = {name: value for name, value in params.items() if value is not None}
        if method.endswith(".state"):
            method = method.replace(
                "state", {"open": "open", "paused": "pause", "closed": "close"}[values_by_name.pop("state")]
            )
        try:
            raw = self._runner.run(self._clients[person].request_raw(method, {**values_by_name, "key": key}))
        except HubError as error:
            raise Refused(error.reason) from error
        result: dict[str, Any] = msgspec.json.decode(raw)
        return result

    def close(self) -> None:
        for client in self._clients.values():
            self._runner.run(client.aclose())
        super().close()


async def _connected(url: str, person: PersonCredentials) -> HubClient:
    client = HubClient(url, person, follow=False)
    client.start()
    await client.live()
    return client


def actor_of(person: str) -> str:
    """The actor in a person's events: the template's accounts in the order of their creation."""
    return f"user:{PEOPLE.index(person) + 1}"


def furnish(clinic: Clinic, number: int, model: ModelClinic) -> None:
    """Creates the model's services and counters in the database."""
    connection = psycopg.connect(clinic.database_url.replace("+psycopg", ""))
    with connection, connection.cursor() as cursor:
        for place, service in enumerate(model.services.values()):
            index = 3 * number + place
            prefix = "".join(chr(ord("A") + index // 26**power % 26) for power in (2, 1, 0))
            cursor.execute(
                "INSERT INTO services (code, name, prefix, head_start, no_shows, daily_quota) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                (
                    service.code,
                    service.code,
                    prefix,
                    service.head_start,
                    service.no_shows,
                    service.quota,
                ),
            )
        for counter in model.counters.values():
            cursor.execute(
                "INSERT INTO counters (code, name, rule) VALUES (%s, %s, %s)",
                (counter.code, counter.code, counter.rule),
            )
            cursor.execute(
                "INSERT INTO counter_services SELECT c.id, s.id, w.place FROM counters c, "
                "unnest(%s::text[]) WITH ORDINALITY w(code, place) JOIN services s ON s.code = w.code WHERE c.code = %s",
                ([*counter.services], counter.code),
            )
