"""A real clinic for tests: PostgreSQL, a database copied from a template for each test, and a hub.

Three services (A, B, C), two counters (R1 serves A and B, R2 serves B and A), an account for each role, a kiosk and a
monitor. To test with another server or version, set `TEST_DATABASE_URL` to the URL of its maintenance database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from core.wire.session import DeviceCredentials, PersonCredentials
from server.administration import people_and_devices
from server.postgres.embedded import EmbeddedPostgres
from server.schema import revisions
from tests.support.hub_process import HubProcess, hub_on

PASSWORD = "correct horse"
_worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
"""Workers share the server of `TEST_DATABASE_URL`: each has its own template and its own databases there."""
_template = f"inturn_template_{_worker}"
_names = (f"test_{_worker}_{number}" for number in count())


def rows_at(url: str, query: str) -> list[Any]:
    """The rows of a query on a database."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            return list(connection.execute(text(query)))
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Clinic:
    """A test's database and its clients' credentials."""

    database_url: str
    kiosk: DeviceCredentials
    monitor: DeviceCredentials
    staff: PersonCredentials = PersonCredentials("staff", PASSWORD)
    supervisor: PersonCredentials = PersonCredentials("supervisor", PASSWORD)

    def engine(self) -> Engine:
        """A SQLAlchemy engine on the test's database."""
        return create_engine(self.database_url)

    def rows(self, query: str) -> list[Any]:
        """The rows of a query."""
        return rows_at(self.database_url, query)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server's maintenance database."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    root: Path = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(root, options={"fsync": "off", "synchronous_commit": "off"}) as server:
        yield server.start()


@pytest.fixture(scope="session")
def template(postgres: str) -> Clinic:
    """The database from which every test's database is copied."""
    _statement(postgres, f"DROP DATABASE IF EXISTS {_template}", f"CREATE DATABASE {_template}")
    url = _database(postgres, _template)
    engine = create_engine(url)
    revisions.upgrade(engine)
    for code, name in (("A", "See a doctor"), ("B", "Blood tests"), ("C", "Pharmacy")):
        people_and_devices.add_service(engine, code, name, None)
    people_and_devices.add_counter(engine, "R1", "Counter 1", ["A", "B"])
    people_and_devices.add_counter(engine, "R2", "Counter 2", ["B", "A"])
    for role in ("staff", "supervisor", "admin"):
        people_and_devices.add_user(engine, role, role, PASSWORD)
    kiosk = DeviceCredentials(people_and_devices.add_device(engine, "Hall kiosk", "kiosk"))
    monitor = DeviceCredentials(people_and_devices.add_device(engine, "Hall monitor", "monitor"))
    engine.dispose()
    return Clinic(url, kiosk, monitor)


@pytest.fixture
def clinic(postgres: str, template: Clinic) -> Iterator[Clinic]:
    """The test's own copy of the template."""
    name = next(_names)
    _statement(
        postgres,
        f"DROP DATABASE IF EXISTS {name}",
        f"CREATE DATABASE {name} TEMPLATE {_template} STRATEGY FILE_COPY",
    )
    yield replace(template, database_url=_database(postgres, name))
    _statement(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def hub(clinic: Clinic) -> Iterator[HubProcess]:
    """A hub on the test's database."""
    with hub_on(clinic.database_url) as started:
        yield started


def _database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _statement(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
