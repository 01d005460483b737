"""How `inturn-hub`'s commands are declared: each takes the database's options and names the function that runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TypeAlias

from core import settings

# argparse names no public type for what holds sub-commands.
Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001
Run: TypeAlias = Callable[[argparse.Namespace], int | None]
"""Runs a command; its exit code, None for 0."""
Declarations: TypeAlias = Mapping[str, Callable[[argparse.ArgumentParser], None]]
"""A first word -> what declares its options, or the commands that follow it. Each module of commands has one."""


def group_of(made: argparse.ArgumentParser) -> Group:
    """Where the commands of a word are declared that others follow, e.g. `user`."""
    return made.add_subparsers(required=True, metavar="COMMAND")


def add_command(group: Group, name: str, run: Run, what: str) -> argparse.ArgumentParser:
    """One command."""
    return run_by(group.add_parser(name, help=what, description=what), run)


def run_by(made: argparse.ArgumentParser, run: Run) -> argparse.ArgumentParser:
    """Makes a parser a command's: it takes the database's options."""
    made.add_argument("--data-dir", help="where the hub keeps its own database")
    made.add_argument("--database-url", help="another PostgreSQL, e.g. postgresql://inturn@db/inturn")
    made.set_defaults(run=run)
    return made


def settings_of(arguments: argparse.Namespace) -> settings.Settings:
    """The settings of a command: its options first."""
    return settings.load(vars(arguments))
