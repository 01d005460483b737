"""Opens the database for a command, as the database's owner."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from core.errors import SetupError
from core.settings import Settings
from server.cli.command_parser import settings_of
from server.schema import hub_role
from server.schema.engine import administration_engine, sentence_of
from server.schema.own_database import database_url, prepare


@contextmanager
def database_engine(settings: Settings, *, must_exist: bool = False) -> Iterator[Engine]:
    """An engine for the database's owner; the schema may be missing or old.

    Raises SetupError for an account with the hub's role only. A DBAPIError in the `with` block becomes a SetupError.
    """
    with database_url(settings, must_exist=must_exist) as url, _owners_engine(url) as engine:
        yield engine


@contextmanager
def current_engine(settings: Settings, *, must_exist: bool = False) -> Iterator[Engine]:
    """An engine on a database with the current schema.

    The hub's own database is upgraded. Raises SetupError if a database given by URL has an old schema.
    """
    with database_url(settings, must_exist=must_exist) as url, _owners_engine(url) as engine:
        prepare(url, own=None if settings.database_url else settings.data_path)
        yield engine


@contextmanager
def _owners_engine(url: str) -> Iterator[Engine]:
    engine = administration_engine(url)
    try:
        with engine.connect() as connection:
            hub_role.refuse_hub_account(connection)
        yield engine
    except DBAPIError as error:
        raise SetupError(sentence_of(error)) from error
    finally:
        engine.dispose()


def print_lines(arguments: argparse.Namespace, lines: Callable[[Engine], Iterable[str]]) -> None:
    """Prints the lines that a function reads from the database."""
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        for line in lines(engine):
            print(line)
