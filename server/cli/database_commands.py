"""`inturn-hub db`: upgrades, backs up and restores the database."""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import replace
from pathlib import Path

from core.errors import SetupError
from server.backups.contents import inspect_backup
from server.backups.credentials import reactivated, same_name, shown, withheld
from server.backups.present import Present, look_at
from server.backups.recorded_backup import back_up
from server.backups.restore import Wanted, restore
from server.cli.command_database import database_engine
from server.cli.command_parser import Declarations, add_command, group_of, say, settings_of
from server.schema.legacy.database import UNCHANGED
from server.schema.upgrade import Upgrade, upgrade_database

ACTOR = "command line"
"""The actor of the events `backed_up` and `restored`."""
NEXT = (
    "Next: inturn-hub user add NAME --role admin, look at inturn-hub service list and counter list, "
    "then start inturn-hub serve."
)
"""What to do after the earlier version's data were taken over."""


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
    backup = add_command(group, "backup", _db_backup, "write a backup into a new file")
    backup.add_argument("file", type=Path, metavar="FILE", help="the file to write")
    restore = add_command(group, "restore", _db_restore, "replace everything by a backup")
    restore.add_argument("file", type=Path, metavar="FILE", help="the file to read")
    restore.add_argument("--yes", action="store_true", help="do not ask for the clinic's name")
    restore.add_argument(
        "--reactivate",
        action="append",
        default=[],
        metavar="NAME",
        help="an account or device of the backup that is not active in the present database, and is to be; repeatable",
    )


def _db_upgrade(arguments: argparse.Namespace) -> None:
    settings = settings_of(arguments)
    wanted = Upgrade(settings.data_path, arguments.backup, arguments.time_zone, arguments.dry_run)
    with database_engine(settings, must_exist=wanted.dry_run) as engine:
        done = upgrade_database(engine, wanted)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The terminal may be unable to show a name: that must not fail the command after the commit.
        sys.stdout.reconfigure(errors="backslashreplace")
    print("\n".join(done.lines))
    if done.taken_over and not wanted.dry_run:
        print(NEXT, file=sys.stderr)
    # The report is the same for a dry run: the difference goes to standard error.
    if wanted.dry_run:
        print("This was a dry run: nothing was changed.", file=sys.stderr)
    elif done.backup:
        print(f"Backup written to {done.backup}.", file=sys.stderr)


def _db_backup(arguments: argparse.Namespace) -> None:
    with database_engine(settings_of(arguments), must_exist=True) as engine:
        recorded = back_up(engine, arguments.file, ACTOR, _progress)
    say(f"Backup written to {arguments.file}.")
    if not recorded:
        say("The database's history does not record it: it is a standby, or has an older schema.")


def _db_restore(arguments: argparse.Namespace) -> int:
    contents = inspect_backup(arguments.file)
    say(contents.summary())
    if not arguments.yes and not sys.stdin.isatty():
        say(f"Without a terminal a restore needs --yes. {UNCHANGED}")
        return 2
    settings = settings_of(arguments)
    data_dir = None if settings.database_url else settings.data_path
    with database_engine(settings) as engine:
        with engine.connect() as connection:
            present = look_at(connection)
        wanted = _confirmed(arguments, Wanted(contents, ACTOR, data_dir), present)
        done = restore(engine, wanted, _progress)
    say(f"Restored from {arguments.file}.")
    if done.kept:
        say(f"What was replaced is kept in {done.kept}.")
    for line in done.withheld.lines():
        say(line)
    return 0


def _confirmed(arguments: argparse.Namespace, wanted: Wanted, present: Present) -> Wanted:
    """The restore with what it reactivates. Raises SetupError unless a person types the clinic's name or gave --yes."""
    found = withheld(wanted.contents.credentials(), present.credentials)
    usernames, codes = reactivated(found, arguments.reactivate)
    clinic = shown(wanted.contents.clinic if present.clinic is None else present.clinic)
    if not arguments.yes:
        for line in found.without(usernames, codes).lines():
            say(line)
        if present.clinic is not None:
            say(f"The database of {clinic} is replaced (tickets: {present.tickets}).")
        print(f"Type the clinic's name, {clinic}, to restore: ", end="", file=sys.stderr, flush=True)
        if not same_name(sys.stdin.readline(), clinic):
            raise SetupError(f"That is not the clinic's name. {UNCHANGED}")
    return replace(wanted, usernames=usernames, codes=codes)


def _progress(step: str) -> None:
    say(f"{step} …")


DECLARATIONS: Declarations = {"db": _declare_db}
