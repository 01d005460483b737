"""`inturn-hub`: one parser, one function a command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 violations found."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from core import settings
from core.errors import SetupError
from server import administration, maintenance, schema
from server.local_database import current_engine, database_engine, database_url
from server.serving import serve
from server.tables import counters, services

VIOLATIONS = 3

# argparse names no public type for what holds sub-commands.
_Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


def main() -> int:
    """Runs the command that the command line names."""
    arguments = parser().parse_args()
    try:
        run: Callable[[argparse.Namespace], int | None] = arguments.run
        return run(arguments) or 0
    except SetupError as error:
        print(error.message, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(prog="inturn-hub", description="The hub of InTurn: it keeps every line.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    serve_command = _command(
        commands, "serve", lambda a: serve(_settings(a)), "run the hub until Ctrl-C or SIGTERM"
    )
    serve_command.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve_command.add_argument("--port", help="port to listen on (default 8765; 0: any free one)")
    _add_user_commands(_group(commands, "user", "accounts of staff and administrators"))
    _add_device_commands(_group(commands, "device", "kiosks and wall monitors"))
    _add_service_commands(commands)
    _add_database_commands(_group(commands, "db", "the database: schema, backup, restore"))
    _add_check_commands(_group(commands, "check", "prove that everything is sound"))
    return top


def _add_user_commands(group: _Group) -> None:
    add = _command(
        group, "add", _user_add, "make an account; the password comes on standard input or in INTURN_PASSWORD"
    )
    add.add_argument("name")
    add.add_argument("--role", required=True, choices=["staff", "supervisor", "admin"])
    _command(group, "list", lambda a: _list(a, administration.list_users), "list the accounts")
    disable = _command(group, "disable", _user_disable, "end an account")
    disable.add_argument("name")


def _add_device_commands(group: _Group) -> None:
    add = _command(group, "add", _device_add, "make a device; prints its token alone")
    add.add_argument("name")
    add.add_argument("--role", required=True, choices=["kiosk", "monitor"])
    pair = _command(
        group, "pair", _device_pair, "make a device; prints a code that it is paired with, for ten minutes"
    )
    pair.add_argument("--role", required=True, choices=["kiosk", "monitor"])
    pair.add_argument("--name")
    revoke = _command(group, "revoke", _device_revoke, "make a device's token worthless")
    revoke.add_argument("name")
    _command(group, "list", lambda a: _list(a, administration.list_devices), "list the devices")


def _add_service_commands(commands: _Group) -> None:
    group = _group(commands, "service", "what patients come for")
    add = _command(group, "add", _service_add, "make a service")
    add.add_argument("code")
    add.add_argument("name")
    add.add_argument("--prefix", help="letters of its numbers (default: the code's first)")
    add.add_argument("--icon", help="the card's icon, e.g. stethoscope")
    _command(
        group,
        "list",
        lambda a: _list(a, lambda e: administration.list_codes(e, services)),
        "list the services",
    )
    group = _group(commands, "counter", "where patients are called to")
    add = _command(group, "add", _counter_add, "make a counter")
    add.add_argument("code")
    add.add_argument("name")
    add.add_argument("--services", required=True, help="service codes in the order of serving, e.g. A,B")
    _command(
        group,
        "list",
        lambda a: _list(a, lambda e: administration.list_codes(e, counters)),
        "list the counters",
    )
    site = _command(commands, "site", _site_set, "name the clinic and its time zone")
    site.add_argument("name")
    site.add_argument("--time-zone", default="UTC", help="an IANA name, e.g. Europe/Berlin")


def _add_database_commands(group: _Group) -> None:
    _command(group, "upgrade", _db_upgrade, "bring the database to the current schema")
    backup = _command(group, "backup", _db_backup, "write a backup")
    backup.add_argument("file", type=Path)
    restore = _command(group, "restore", _db_restore, "replace everything by a backup")
    restore.add_argument("file", type=Path)


def _add_check_commands(group: _Group) -> None:
    _command(group, "integrity", lambda a: _check(a, maintenance.integrity_violations), "every line's places")
    _command(group, "audit", lambda a: _check(a, maintenance.broken_links), "the history's hash chains")
    races = _command(group, "races", _check_races, "hammer a hub with many clients at once and count")
    races.add_argument("--clients", type=int, default=16)
    races.add_argument("--tickets", type=int, default=960)


def _group(commands: _Group, name: str, what: str) -> _Group:
    return commands.add_parser(name, help=what, description=what).add_subparsers(
        required=True, metavar="COMMAND"
    )


def _command(
    group: _Group, name: str, run: Callable[[argparse.Namespace], int | None], what: str
) -> argparse.ArgumentParser:
    made = group.add_parser(name, help=what, description=what)
    made.add_argument("--data-dir", help="where the hub keeps its own database")
    made.add_argument("--database-url", help="another PostgreSQL, e.g. postgresql://inturn@db/inturn")
    made.set_defaults(run=run)
    return made


def _settings(arguments: argparse.Namespace) -> settings.Settings:
    return settings.load(vars(arguments))


def _list(arguments: argparse.Namespace, lines: Callable[..., Iterable[str]]) -> None:
    with current_engine(_settings(arguments), must_exist=True) as engine:
        for line in lines(engine):
            print(line)


def _check(arguments: argparse.Namespace, violations: Callable[..., Iterable[str]]) -> int:
    with current_engine(_settings(arguments), must_exist=True) as engine:
        found = list(violations(engine))
    print("\n".join(found) if found else "No violation found.")
    return VIOLATIONS if found else 0


def _user_add(arguments: argparse.Namespace) -> None:
    password = os.environ.get("INTURN_PASSWORD") or _read_password()
    with current_engine(_settings(arguments)) as engine:
        administration.add_user(engine, arguments.name, arguments.role, password)


def _read_password() -> str:
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _user_disable(arguments: argparse.Namespace) -> None:
    with current_engine(_settings(arguments), must_exist=True) as engine:
        administration.disable_user(engine, arguments.name)


def _device_add(arguments: argparse.Namespace) -> None:
    with current_engine(_settings(arguments)) as engine:
        print(administration.add_device(engine, arguments.name, arguments.role))


def _device_pair(arguments: argparse.Namespace) -> None:
    with current_engine(_settings(arguments)) as engine:
        print(administration.pair_device(engine, arguments.role, arguments.name))


def _device_revoke(arguments: argparse.Namespace) -> None:
    with current_engine(_settings(arguments), must_exist=True) as engine:
        administration.revoke_device(engine, arguments.name)


def _service_add(arguments: argparse.Namespace) -> None:
    with current_engine(_settings(arguments)) as engine:
        administration.add_service(engine, arguments.code, arguments.name, arguments.prefix, arguments.icon)


def _counter_add(arguments: argparse.Namespace) -> None:
    with current_engine(_settings(arguments)) as engine:
        administration.add_counter(engine, arguments.code, arguments.name, arguments.services.split(","))


def _site_set(arguments: argparse.Namespace) -> None:
    with current_engine(_settings(arguments)) as engine:
        administration.set_site(engine, arguments.name, arguments.time_zone)


def _db_upgrade(arguments: argparse.Namespace) -> None:
    with database_engine(_settings(arguments)) as engine:
        steps = schema.upgrade(engine)
    print("\n".join(f"applied {step}" for step in steps) or "The schema is current.")


def _db_backup(arguments: argparse.Namespace) -> None:
    with database_engine(_settings(arguments), must_exist=True) as engine:
        maintenance.backup(engine, arguments.file)
    print(f"Backup written to {arguments.file}.")


def _db_restore(arguments: argparse.Namespace) -> None:
    with database_engine(_settings(arguments)) as engine:
        maintenance.restore(engine, arguments.file)
    print(f"Restored from {arguments.file}.")


def _check_races(arguments: argparse.Namespace) -> int:
    from server.probes import races  # the only command that needs a client

    with database_url(_settings(arguments)) as url:
        report = races.hammer_scratch_database(url, arguments.clients, arguments.tickets)
    print(report)
    return VIOLATIONS if report.violations else 0
