"""A request is traced by its key from the window's log to the events; no log holds a name or a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from core.client.hub_client import HubClient
from core.errors import InternalError
from server.administration import people_and_devices
from server.checks.request_trace import request_lines
from server.connections.hub import Hub
from server.health.logs import JsonFormatter
from tests.support.clinic import PASSWORD, Clinic
from tests.support.short_day import NAMES, NOTE, WRONG_PASSWORD, short_day

pytestmark = [pytest.mark.logs_expected, pytest.mark.usefixtures("no_qt_garbage")]


class Lines(logging.Handler):
    """Collects every log record, formatted as the hub's log file."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[list[str]]:
    handler = Lines()
    loggers = [logging.getLogger(name) for name in ("server", "core")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield handler.lines
    for logger in loggers:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


@pytest.fixture
def engine(clinic: Clinic) -> Iterator[Engine]:
    found = clinic.engine()
    yield found
    found.dispose()


async def test_a_request_is_traced_from_the_window_to_the_events(
    clinic: Clinic, engine: Engine, lines: list[str]
) -> None:
    hub = Hub(clinic.database_url)
    await hub.start()
    async with HubClient(hub.url, clinic.staff) as staff:
        ticket = await staff.join_queue("A", patient_name=NAMES[0])
        await staff.transfer(ticket.id, "B")
        key = staff.last_operation
    await hub.stop()
    assert key is not None
    found = [json.loads(line) for line in lines if key in line]
    assert {line["logger"] for line in found} == {"core.client.answers", "server.health.logs"}
    [record] = [line for line in found if line["logger"] == "server.health.logs"]
    assert (record["request"], record["method"], record["outcome"]) == (key, "queue.transfer", "ok")
    [event] = clinic.rows(
        "SELECT s.code, e.revision, e.actor FROM queue_events e JOIN services s ON s.id = e.service_id "
        "WHERE kind = 'transferred_in'"
    )
    assert (record["service"], record["revision"], record["actor"]) == tuple(event)
    head, *events = request_lines(engine, key)
    assert head.endswith(f"{record['actor']} asked under the key {key}.")
    assert events == ["  A/2 transferred_out A001", "  B/1 transferred_in A001"]
    assert "No change was made" in next(request_lines(engine, "never asked"))


async def test_logs_hold_no_name_and_no_secret(clinic: Clinic, engine: Engine, lines: list[str]) -> None:
    people_and_devices.add_user(engine, "u.canary", "admin", PASSWORD)

    hub = Hub(clinic.database_url)
    await hub.start()
    await short_day(clinic, hub.url)
    async with HubClient(hub.url, clinic.staff) as staff:
        assert staff.hello is not None
        sessions = {staff.hello.session}
    await hub.stop()
    assert len(lines) > 40
    # The hostile client of that day may log its own canary; the hub may not.
    logged = "\n".join(line for line in lines if NOTE not in line or '"logger": "server' in line)
    names = {
        word for name in NAMES for word in (name, name.split()[0], name.split()[-1], json.dumps(name)[1:-1])
    }
    secrets = {PASSWORD, WRONG_PASSWORD, clinic.kiosk.token, clinic.monitor.token, *sessions}
    for canary in names | secrets | {NOTE, "canary", "Hall", clinic.database_url}:
        assert canary not in logged


async def test_a_database_error_that_quotes_a_patient_is_logged_without_the_quote(
    clinic: Clinic, engine: Engine, lines: list[str]
) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE tickets ADD CHECK (patient_name NOT LIKE 'Amal%')"))

    hub = Hub(clinic.database_url)
    await hub.start()
    async with HubClient(hub.url, clinic.staff) as staff:
        with pytest.raises(InternalError):
            await staff.join_queue("A", patient_name=NAMES[0])
    await hub.stop()
    assert [line for line in lines if "CheckViolation" in line]
    assert "Haddad" not in "".join(lines)
