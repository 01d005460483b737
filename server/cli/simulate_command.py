"""`inturn-hub simulate`: compares wait estimates with real waits on simulated days, without a database."""

from __future__ import annotations

import argparse

from server.checks.day_simulation import two_services
from server.checks.wait_study import report, study
from server.cli.command_parser import Declarations, run_by


def _declare(command: argparse.ArgumentParser) -> None:
    simulate = run_by(command, _simulate)
    simulate.add_argument("--days", type=_at_least_one, default=200, help="days to simulate (default 200)")
    simulate.add_argument("--seed", type=int, default=1, help="another seed, other days (default 1)")
    simulate.add_argument(
        "--load", type=_load, default=0.8, help="work over what the counters can do (default 0.8)"
    )
    simulate.add_argument("--counters", type=_at_least_one, default=3, help="open counters (default 3)")


def _simulate(arguments: argparse.Namespace) -> None:
    print(report(study(two_services(arguments.load, arguments.counters), arguments.days, arguments.seed)))


def _at_least_one(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word} is not a whole number from 1")
    return int(word)


def _load(word: str) -> float:
    try:
        load = float(word)
    except ValueError:
        load = 0.0
    if not 0.1 <= load <= 2:
        raise argparse.ArgumentTypeError(f"{word} is not a number from 0.1 to 2")
    return load


DECLARATIONS: Declarations = {"simulate": _declare}
