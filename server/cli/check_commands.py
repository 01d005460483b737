"""`inturn-hub check` checks the lines, `doctor` checks database and hubs, `trace` shows a request's events."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from functools import partial

from sqlalchemy import Engine

from server.checks.integrity import broken_links, integrity_violations
from server.checks.replay import replay_differences
from server.checks.request_trace import request_lines
from server.cli.command_database import current_engine, database_engine, print_lines
from server.cli.command_parser import Declarations, add_command, group_of, run_by, settings_of
from server.schema.own_database import database_url

VIOLATIONS = 3
"""Exit code if a check finds a violation."""
PRINTED = 1000
"""Violations printed; further ones are only counted."""


def _declare_check(command: argparse.ArgumentParser) -> None:
    group = group_of(command)
    for name, violations, what in (
        ("integrity", integrity_violations, "places, numbers, states and revisions of every line are sound"),
        ("replay", replay_differences, "every line, built again from its history, equals the tables"),
        ("audit", broken_links, "no event was changed, added or removed"),
    ):
        add_command(group, name, partial(_check, violations=violations), what)
    races = add_command(group, "races", _check_races, "hammer a hub with many clients at once and count")
    races.add_argument("--clients", type=int, default=16, help="clients at once (default 16)")
    races.add_argument("--tickets", type=int, default=960, help="tickets to issue (default 960)")


def _declare_doctor(command: argparse.ArgumentParser) -> None:
    doctor = run_by(command, _doctor)
    doctor.add_argument(
        "--hub",
        metavar="URL",
        help="the hub's address (default: where serve listens, ws://127.0.0.1:8765/ws)",
    )


def _declare_trace(command: argparse.ArgumentParser) -> None:
    run_by(command, _trace).add_argument("key", help="the request's key, as the logs show it")


def _check(arguments: argparse.Namespace, violations: Callable[[Engine], Iterable[str]]) -> int:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        count = 0
        for count, violation in enumerate(violations(engine), start=1):
            if count <= PRINTED:
                print(violation)
    if count > PRINTED:
        print(f"… and {count - PRINTED} more.")
    elif not count:
        print("No violation found.")
    return VIOLATIONS if count else 0


def _check_races(arguments: argparse.Namespace) -> int:
    from server.checks import races

    with database_url(settings_of(arguments)) as url:
        report = races.hammer_scratch_database(url, arguments.clients, arguments.tickets)
    print(report)
    return VIOLATIONS if report.violations else 0


def _trace(arguments: argparse.Namespace) -> None:
    print_lines(arguments, partial(request_lines, key=arguments.key))


def _doctor(arguments: argparse.Namespace) -> int:
    from server.checks import doctor

    settings = settings_of(arguments)
    directory = None if settings.database_url else settings.data_path / "data"
    hub = doctor.hub_address(settings)
    failed = False
    with database_engine(settings, must_exist=True) as engine:
        for finding in doctor.examine(engine, hub, directory, hub_ca=settings.hub_ca):
            failed = failed or finding.level == "FAILED"
            print(finding, flush=True)
    return VIOLATIONS if failed else 0


DECLARATIONS: Declarations = {"check": _declare_check, "doctor": _declare_doctor, "trace": _declare_trace}
