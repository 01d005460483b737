"""`inturn-hub`: one parser, one function a command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 violations found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from core.errors import SetupError
from server.cli.check_commands import add_check_commands
from server.cli.clinic_commands import add_clinic_commands
from server.cli.command_parser import add_command, settings_of
from server.cli.database_commands import add_database_commands
from server.cli.people_commands import add_people_commands
from server.cli.simulate_command import add_simulate_command
from server.serving import serve


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
    serve_command = add_command(
        commands, "serve", lambda a: serve(settings_of(a)), "run the hub until Ctrl-C or SIGTERM"
    )
    serve_command.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve_command.add_argument("--port", help="port to listen on (default 8765; 0: any free one)")
    serve_command.add_argument(
        "--tls-cert", metavar="FILE", help="certificate in PEM form: the hub speaks wss://"
    )
    serve_command.add_argument("--tls-key", metavar="FILE", help="its key")
    serve_command.add_argument("--origins", help="web pages that may connect, with commas (default: none)")
    serve_command.add_argument(
        "--metrics-from", help="networks that may read /metrics (default: this computer)"
    )
    add_clinic_commands(commands)
    add_people_commands(commands)
    add_database_commands(commands)
    add_check_commands(commands)
    add_simulate_command(commands)
    return top
