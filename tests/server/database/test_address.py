"""Database addresses with one host and with several: how they are read, and which host is used."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from core.errors import SetupError
from server.chores import Chores
from server.database.address import driver_url, each_host
from server.database.calls import Database
from server.schema.engine import administration_engine
from tests.support.clinic import Clinic

HOSTS = "host=db1%2Cdb2&port=5432%2C5433"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgresql://u:p@db1:5432/clinic", "postgresql://u:p@db1:5432/clinic"),
        ("postgresql+psycopg://u@/clinic?host=/run", "postgresql://u@/clinic?host=/run"),
        ("postgres://u@db1/clinic", "postgresql://u@db1/clinic"),
        (
            "postgresql+psycopg://u:p%40ss@db1:5432,db2:5433/clinic",
            f"postgresql://u:p%40ss@/clinic?target_session_attrs=read-write&{HOSTS}",
        ),
        (
            "postgresql://u@db1:5432,db2:5433/clinic?target_session_attrs=any",
            f"postgresql://u@/clinic?target_session_attrs=any&{HOSTS}",
        ),
        (
            "postgresql://u@db1,db2/clinic?sslmode=require",
            "postgresql://u@/clinic?target_session_attrs=read-write&host=db1%2Cdb2&sslmode=require",
        ),
    ],
)
def test_the_driver_and_sqlalchemy_read_an_address_the_same_way(given: str, read: str) -> None:
    assert driver_url(given) == read
    assert driver_url(read) == read
    engine = administration_engine(given)
    _, arguments = engine.dialect.create_connect_args(engine.url)
    for name, value in conninfo_to_dict(read).items():
        assert str(arguments[name]) == str(value)
    assert driver_url(engine.url.render_as_string(hide_password=False)).count("%2C") == read.count("%2C")


@pytest.mark.parametrize(
    "given", ["", "clinic", "mysql://u@db1/clinic", "postgresql://", "postgresql://u@[db1/clinic"]
)
def test_text_that_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(SetupError, match="must look like"):
        driver_url(given)


def test_each_host_of_an_address_must_take_writes() -> None:
    address = driver_url("postgresql://u@db1:5432,db2:5433/clinic?target_session_attrs=any&sslmode=require")
    first, second = map(conninfo_to_dict, each_host(address))
    both = {"user": "u", "dbname": "clinic", "sslmode": "require", "target_session_attrs": "read-write"}
    assert first == {**both, "host": "db1", "port": "5432"}
    assert second == {**both, "host": "db2", "port": "5433"}


async def test_a_host_that_never_answers_does_not_delay_the_other(
    clinic: Clinic, socket_folder: Path
) -> None:
    """The first host accepts connections and sends nothing, as a frozen server does."""
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(str(socket_folder / ".s.PGSQL.5432"))
    silent.listen()
    url = make_url(clinic.database_url)
    several = url.update_query_dict({"host": f"{socket_folder},{url.query['host']}"})

    with silent:
        database = Database(several.render_as_string(hide_password=False))
        await database.open(Chores())
        assert await database.call("schema_revision")
        await database.close()
