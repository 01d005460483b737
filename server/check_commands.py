"""`inturn-hub check`: proves that everything is sound. Exit code 3 when it isn't."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

from sqlalchemy import Engine

from server import maintenance
from server.command_parser import Group, add_command, add_group, settings_of
from server.local_database import current_engine, database_url

VIOLATIONS = 3


def add_check_commands(commands: Group) -> None:
    """Declares them."""
    group = add_group(commands, "check", "prove that everything is sound")
    add_command(
        group, "integrity", lambda a: _check(a, maintenance.integrity_violations), "every line's places"
    )
    add_command(group, "audit", lambda a: _check(a, maintenance.broken_links), "the history's hash chains")
    races = add_command(group, "races", _check_races, "hammer a hub with many clients at once and count")
    races.add_argument("--clients", type=int, default=16)
    races.add_argument("--tickets", type=int, default=960)


def _check(arguments: argparse.Namespace, violations: Callable[[Engine], Iterable[str]]) -> int:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        found = list(violations(engine))
    print("\n".join(found) if found else "No violation found.")
    return VIOLATIONS if found else 0


def _check_races(arguments: argparse.Namespace) -> int:
    from server.probes import races  # the only command that needs a client

    with database_url(settings_of(arguments)) as url:
        report = races.hammer_scratch_database(url, arguments.clients, arguments.tickets)
    print(report)
    return VIOLATIONS if report.violations else 0
