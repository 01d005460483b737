"""What commands print of the database, a line at a time."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

from sqlalchemy import Engine

from server.cli.command_database import current_engine
from server.cli.command_parser import settings_of


def print_lines(arguments: argparse.Namespace, lines: Callable[[Engine], Iterable[str]]) -> None:
    """Prints what a reading of the database finds."""
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        for line in lines(engine):
            print(line)
