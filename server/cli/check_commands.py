"""`inturn-hub check`: proves that the lines are sound; `doctor`: looks around them; `trace`: follows a request."""

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
TOLD = 1000
"""Violations printed; the others are counted."""


def _declare_check(made: argparse.ArgumentParser) -> None:
    group = group_of(made)
    for name, violations, what in (
        ("integrity", integrity_violations, "places, numbers, states and revisions of every line"),
        ("replay", replay_differences, "every line, built again from its history, equals the tables"),
        ("audit", broken_links, "no event was changed, added or removed"),
    ):
        add_command(group, name, partial(_check, violations=violations), what)
    races = add_command(group, "races", _check_races, "hammer a hub with many clients at once and count")
    races.add_argument("--clients", type=int, default=16)
    races.add_argument("--tickets", type=int, default=960)


def _declare_doctor(made: argparse.ArgumentParser) -> None:
    doctor = run_by(made, _doctor)
    doctor.add_argument("--hub", help="the hub's address, e.g. ws://127.0.0.1:8765/ws")


def _declare_trace(made: argparse.ArgumentParser) -> None:
    run_by(made, _trace).add_argument("key")


def _check(arguments: argparse.Namespace, violations: Callable[[Engine], Iterable[str]]) -> int:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        found = 0
        for found, violation in enumerate(violations(engine), start=1):
            if found <= TOLD:
                print(violation)
    if found > TOLD:
        print(f"… and {found - TOLD} more.")
    elif not found:
        print("No violation found.")
    return VIOLATIONS if found else 0


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
