"""`inturn-hub db`: schema, backup, restore."""

from __future__ import annotations

import argparse
from pathlib import Path

from server import maintenance, schema
from server.command_parser import Group, add_command, add_group, settings_of
from server.local_database import database_engine


def add_database_commands(commands: Group) -> None:
    """Declares them."""
    group = add_group(commands, "db", "the database: schema, backup, restore")
    add_command(group, "upgrade", _db_upgrade, "bring the database to the current schema")
    backup = add_command(group, "backup", _db_backup, "write a backup")
    backup.add_argument("file", type=Path)
    restore = add_command(group, "restore", _db_restore, "replace everything by a backup")
    restore.add_argument("file", type=Path)


def _db_upgrade(arguments: argparse.Namespace) -> None:
    with database_engine(settings_of(arguments)) as engine:
        steps = schema.upgrade(engine)
    print("\n".join(f"applied {step}" for step in steps) or "The schema is current.")


def _db_backup(arguments: argparse.Namespace) -> None:
    with database_engine(settings_of(arguments), must_exist=True) as engine:
        maintenance.backup(engine, arguments.file)
    print(f"Backup written to {arguments.file}.")


def _db_restore(arguments: argparse.Namespace) -> None:
    with database_engine(settings_of(arguments)) as engine:
        maintenance.restore(engine, arguments.file)
    print(f"Restored from {arguments.file}.")
