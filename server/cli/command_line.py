"""`inturn-hub`: parses the command line and runs the command.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 violations found, 4 the hub ended itself to be started again.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module

from core.entry import version
from core.errors import InTurnError
from server.cli.command_parser import Declarations

COMMANDS = {
    "serve": ("serve_command", "run the hub until Ctrl-C or SIGTERM"),
    "service": ("clinic_commands", "what patients come for"),
    "counter": ("clinic_commands", "where patients are called to"),
    "site": ("clinic_commands", "name the clinic and set its day; without a value, show them"),
    "day": ("clinic_commands", "the business day"),
    "user": ("people_commands", "accounts of staff and administrators"),
    "device": ("people_commands", "kiosks and wall monitors"),
    "db": ("database_commands", "the database: schema, backup, restore"),
    "check": ("check_commands", "prove that everything is sound"),
    "doctor": ("check_commands", "look at the database, its clock and disk, and the hub"),
    "trace": ("check_commands", "what a request did, by the key that the logs show"),
    "simulate": ("simulate_command", "try the wait estimates on simulated days"),
}
"""First word -> the module in `server.cli` that declares its options or sub-commands, and its help."""


def main() -> int:
    """Runs the command that the command line names."""
    named = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    arguments = parser(named).parse_args()
    try:
        run: Callable[[argparse.Namespace], int | None] = arguments.run
        code = run(arguments) or 0
        sys.stdout.flush()
        return code
    except InTurnError as error:
        print(error.message, file=sys.stderr)
        return 1
    except BrokenPipeError:
        return _reader_left()


def _reader_left() -> int:
    """Ends quietly: the reader of the output, e.g. `head`, has read enough."""
    # At its end Python would flush standard output once more, and complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def parser(named: str | None = None) -> argparse.ArgumentParser:
    """The parser: the options of the command `named` only (None: of every command), and the help of all."""
    top = argparse.ArgumentParser(prog="inturn-hub", description="The hub of InTurn: it keeps every line.")
    top.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for word, (module, what) in COMMANDS.items():
        command = commands.add_parser(word, help=what, description=what)
        if named in {word, None}:
            # Imported by name: `serve` starts faster without the modules of the other commands.
            declarations: Declarations = import_module(f"server.cli.{module}").DECLARATIONS
            declarations[word](command)
    return top
