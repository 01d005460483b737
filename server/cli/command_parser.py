"""How `inturn-hub`'s commands are declared: each takes the database's options and names the function that runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TypeAlias

from sqlalchemy import Engine

from core import settings
from server.local_database import current_engine

# argparse names no public type for what holds sub-commands.
Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


def add_group(commands: Group, name: str, what: str) -> Group:
    """A word that further commands follow, e.g. `user`."""
    return commands.add_parser(name, help=what, description=what).add_subparsers(
        required=True, metavar="COMMAND"
    )


def add_command(
    group: Group, name: str, run: Callable[[argparse.Namespace], int | None], what: str
) -> argparse.ArgumentParser:
    """One command; `run` returns its exit code, None for 0."""
    made = group.add_parser(name, help=what, description=what)
    made.add_argument("--data-dir", help="where the hub keeps its own database")
    made.add_argument("--database-url", help="another PostgreSQL, e.g. postgresql://inturn@db/inturn")
    made.set_defaults(run=run)
    return made


def settings_of(arguments: argparse.Namespace) -> settings.Settings:
    """The settings of a command: its options first."""
    return settings.load(vars(arguments))


def print_lines(arguments: argparse.Namespace, lines: Callable[[Engine], Iterable[str]]) -> None:
    """Prints what a reading of the database finds."""
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        for line in lines(engine):
            print(line)
