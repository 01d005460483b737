"""`inturn-hub db`: upgrades, backs up and restores the database."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from server.cli.command_database import database_engine
from server.cli.command_parser import Declarations, add_command, group_of, settings_of
from server.schema.backup import restore_backup, write_backup
from server.schema.upgrade import Upgrade, upgrade_database


def _declare_db(command: argparse.ArgumentParser) -> None:
    group = group_of(command)
    what = "bring an empty, an older or the earlier version's database to the current schema"
    upgrade = add_command(group, "upgrade", _db_upgrade, what)
    upgrade.add_argument("--dry-run", action="store_true", help="print the same and change nothing")
    upgrade.add_argument(
        "--backup", type=Path, metavar="FILE", help="back the database up into this file first"
    )
    upgrade.add_argument(
        "--time-zone", default="UTC", help="where the earlier version's times were taken (default UTC)"
    )
    backup = add_command(group, "backup", _db_backup, "write a backup")
    backup.add_argument("file", type=Path)
    restore = add_command(group, "restore", _db_restore, "replace everything by a backup")
    restore.add_argument("file", type=Path)


def _db_upgrade(arguments: argparse.Namespace) -> None:
    settings = settings_of(arguments)
    wanted = Upgrade(settings.data_path, arguments.backup, arguments.time_zone, arguments.dry_run)
    with database_engine(settings, must_exist=wanted.dry_run) as engine:
        done = upgrade_database(engine, wanted)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The terminal may be unable to show a name: that must not fail the command after the commit.
        sys.stdout.reconfigure(errors="backslashreplace")
    print("\n".join(done.lines))
    # The report is the same for a dry run: the difference goes to standard error.
    if wanted.dry_run:
        print("This was a dry run: nothing was changed.", file=sys.stderr)
    elif done.backup:
        print(f"Backup written to {done.backup}.", file=sys.stderr)


def _db_backup(arguments: argparse.Namespace) -> None:
    with database_engine(settings_of(arguments), must_exist=True) as engine:
        write_backup(engine, arguments.file)
    print(f"Backup written to {arguments.file}.")


def _db_restore(arguments: argparse.Namespace) -> None:
    with database_engine(settings_of(arguments)) as engine:
        restore_backup(engine, arguments.file)
    print(f"Restored from {arguments.file}.")


DECLARATIONS: Declarations = {"db": _declare_db}
