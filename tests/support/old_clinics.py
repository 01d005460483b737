"""Databases of the earlier version: its sample, and randomly damaged ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, make_url

from server.database.calls import driver_url
from server.postgres.binaries import PostgresBinaries, installed_binaries
from server.postgres.embedded import EmbeddedPostgres
from server.schema.upgrade import Upgrade, upgrade_database
from tests.support.places import LEGACY
from tests.support.private_clusters import FAST

SECRET = "Zsazsa"
"""Part of every patient's name, and of no other text."""
# Without a time zone, like the times in the old tables.
_FIRST_DAY, _FAR, _LONG_AGO = map(datetime.fromisoformat, ("2026-11-18 07:00", "2999-01-01", "1955-05-05"))
_names = (f"old_{number}" for number in count())

_ODD_NUMBERS = [
    None,
    "",
    "  ",
    "G",
    "007",
    "G000",
    "g007",
    "G7",
    "G-7",
    "G0007",
    "ÄB12",
    "A١٢",
    "G" * 25 + "1",
    "G9999999",
    "😀",
]
_ODD_STATUSES = [None, "", "abandoned", " Waiting", "CONSULTING", "no_show", "parked", "done ✓"]
_ODD_NAMES = [None, f'{SECRET} O\'Neil "Q"', f"{SECRET} 😀 مريم", f"{SECRET}{'y' * 190}"]

Rows = list[tuple[Any, ...]]


def _servers() -> list[PostgresBinaries | None]:
    """Binaries of each major version on this computer, the preferred first; [None], which fails, if there are none."""
    majors: dict[int, PostgresBinaries] = {}
    for binaries in installed_binaries():
        majors.setdefault(binaries.major, binaries)
    return [*majors.values()] or [None]


@dataclass(frozen=True)
class OldClinic:
    """A database and queries on it."""

    url: str
    engine: Engine
    server: PostgresBinaries | None

    def rows(self, query: str, values: Any = None) -> Rows:
        with psycopg.connect(driver_url(self.url), autocommit=True) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def fill(self, file: str) -> OldClinic:
        self.rows((LEGACY / f"{file}.sql").read_text())
        return self

    def everything(self) -> dict[str, Any]:
        """All that an upgrade could change: the objects, and every row of every table and sequence."""
        relations = self.rows(
            "SELECT c.oid, format('%I.%I', nspname, relname), relkind FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        )
        found: dict[str, Any] = {name: (oid, kind) for oid, name, kind in relations}
        found["schemas"] = sorted(self.rows("SELECT nspname FROM pg_namespace"))
        found["functions"] = sorted(self.rows("SELECT oid, proname FROM pg_proc WHERE oid > 16383"))
        for _, name, kind in relations:
            if kind in {"r", "S"}:
                row = "t::text" if kind == "r" else "last_value, is_called"
                found[f"rows of {name}"] = sorted(self.rows(f"SELECT {row} FROM {name} t"))
        return found


@pytest.fixture(scope="session", params=_servers(), ids=lambda b: f"PostgreSQL-{b.major}" if b else "none")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, PostgresBinaries | None]]:
    """A server of each major version on this computer."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("old"), options=FAST, binaries=request.param) as postgres:
        yield postgres.start(), request.param


@pytest.fixture
def bare(server: tuple[str, PostgresBinaries | None]) -> Iterator[OldClinic]:
    """An empty database."""
    name = next(_names)
    with psycopg.connect(driver_url(server[0]), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        url = make_url(server[0]).set(database=name).render_as_string(hide_password=False)
        engine = create_engine(url)
        yield OldClinic(url, engine, server[1])
        engine.dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def old(bare: OldClinic) -> OldClinic:
    """The earlier version's database without rows."""
    return bare.fill("schema")


@pytest.fixture
def sample(old: OldClinic) -> OldClinic:
    """The small sample clinic, with the damage of the earlier version's races."""
    return old.fill("sample")


def upgrade(clinic: OldClinic, folder: Path, *, dry_run: bool = False, time_zone: str = "UTC") -> list[str]:
    """Upgrades a database with its backup in `folder` and returns the report."""
    return upgrade_database(clinic.engine, Upgrade(folder, dry_run=dry_run, time_zone=time_zone)).lines


def old_rows(clinic: OldClinic, schema: str) -> list[object]:
    """Every row of the old tables, as text."""
    return [
        clinic.rows(f"SELECT t::text FROM {schema}.{table} t ORDER BY id")
        for table in ("services", "tickets")
    ]


def damage(clinic: OldClinic, seed: int, tickets: int) -> None:
    """Fills the old tables with every kind of damage, in random proportions."""
    dice = random.Random(seed)
    clinic.rows("ALTER TABLE services ALTER name DROP NOT NULL")
    clinic.rows(
        "ALTER TABLE tickets ALTER ticket_number TYPE text, ADD COLUMN extra jsonb DEFAULT '{\"a\": 1}'"
    )
    names = ["General", "General", 'Gym & "Tonic"; DROP TABLE tickets', "血液検査", " ", None, "x" * 100]
    services = range(1, dice.randint(3, 9))
    for _ in services:
        values = (
            dice.choice(names),
            dice.choice((True, False, None)),
            dice.choice((None, 0, -5, 7, 12, 2**31 - 1)),
        )
        clinic.rows("INSERT INTO services (name, is_active, avg_service_minutes) VALUES (%s, %s, %s)", values)
    with psycopg.connect(driver_url(clinic.url), autocommit=True) as connection:
        connection.cursor().executemany(
            "INSERT INTO tickets (service_id, ticket_number, patient_name, priority, status, position_in_queue, "
            "estimated_wait_time, created_at, called_at, completed_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [_ticket(dice, list(services)) for _ in range(tickets)],
        )
        # A double click: equal number and time.
        connection.execute(
            "INSERT INTO tickets (service_id, ticket_number, status, position_in_queue, created_at) "
            "SELECT service_id, ticket_number, status, position_in_queue, created_at FROM tickets WHERE id % 11 = 5"
        )
        connection.execute("UPDATE tickets SET created_at = 'infinity' WHERE id % 97 = 1")
        connection.execute(
            "UPDATE tickets SET created_at = '-infinity', called_at = 'infinity' WHERE id % 89 = 1"
        )
        connection.execute("UPDATE tickets SET completed_at = '4713-01-02 BC' WHERE id % 83 = 1")
        connection.execute("DELETE FROM tickets WHERE id % 19 = 3")


def _ticket(dice: random.Random, services: list[int]) -> tuple[Any, ...]:
    def rarely(odd: list[Any], usual: Any, chance: float = 0.15) -> Any:
        return dice.choice(odd) if dice.random() < chance else usual

    service = rarely([None, 0, 77, 78, -1], dice.choice(services))
    prefix = "GHGRX"[(service or 0) % 5]
    number = f"{rarely(['G', 'X', 'ZZ'], prefix)}{dice.randint(1, 40):03d}"
    created = _FIRST_DAY + timedelta(seconds=dice.randint(0, 2 * 86400) // 60 * 60)
    called = created + timedelta(minutes=dice.randint(-30, 90))
    completed = called + timedelta(minutes=dice.randint(-20, 60))
    status = dice.choice(["waiting", "waiting", "waiting", "consulting", "completed", "completed"])
    return (
        service,
        rarely(_ODD_NUMBERS, number),
        rarely(_ODD_NAMES, f"{SECRET} Smith"),
        rarely([None, "", "urgent", "HIGH", " low "], dice.choice(["high", "medium", "low"])),
        rarely(_ODD_STATUSES, status),
        rarely([None, 0, -3, 2**31 - 1, -(2**31)], dice.randint(1, 30)),
        rarely([None, -1], 5),
        rarely([None, _FAR, _LONG_AGO], created, 0.05),
        rarely([None, _FAR], called, 0.4),
        rarely([None, _FAR], completed, 0.4),
    )
