"""Declares the commands of `inturn-hub`: each has the database's options and a function that runs it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import TypeAlias

from core import settings

# argparse has no public type for a group of sub-commands.
Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001
Run: TypeAlias = Callable[[argparse.Namespace], int | None]
"""Runs a command and returns its exit code; None: 0."""
Declarations: TypeAlias = Mapping[str, Callable[[argparse.ArgumentParser], None]]
"""First word -> the function that declares its options or its sub-commands. Each module of commands has one."""


def group_of(command: argparse.ArgumentParser) -> Group:
    """The group for the sub-commands of a word, e.g. of `user`."""
    return command.add_subparsers(required=True, metavar="COMMAND")


def add_command(group: Group, name: str, run: Run, what: str) -> argparse.ArgumentParser:
    return run_by(group.add_parser(name, help=what, description=what), run)


def run_by(command: argparse.ArgumentParser, run: Run) -> argparse.ArgumentParser:
    """Adds the database's options to a parser and sets the function that runs the command."""
    folder = settings.Settings().data_path
    where = f"where the hub keeps its own database (default: {folder})".replace("%", "%%")
    command.add_argument("--data-dir", metavar="DIR", help=where)
    command.add_argument(
        "--database-url",
        metavar="URL",
        help="another PostgreSQL, e.g. postgresql://inturn@db/inturn (default: the hub's own)",
    )
    command.set_defaults(run=run)
    return command


def say(sentence: str) -> None:
    """Prints what a command did on standard error: standard output is for what other programs read."""
    print(sentence, file=sys.stderr)


def settings_of(arguments: argparse.Namespace) -> settings.Settings:
    """The settings of a command; its options override the environment and the file."""
    return settings.load(vars(arguments))
