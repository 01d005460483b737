"""`inturn-hub serve`: the options of the hub."""

from __future__ import annotations

import argparse

from server.cli.command_parser import Declarations, run_by, settings_of
from server.cli.serving import serve


def _declare(command: argparse.ArgumentParser) -> None:
    run_by(command, lambda arguments: serve(settings_of(arguments)))
    command.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    command.add_argument("--port", help="port to listen on (default 8765; 0: any free one)")
    command.add_argument("--tls-cert", metavar="FILE", help="certificate in PEM form: the hub speaks wss://")
    command.add_argument("--tls-key", metavar="FILE", help="its key")
    command.add_argument("--origins", help="web pages that may connect, with commas (default: none)")
    command.add_argument("--metrics-from", help="networks that may read /metrics (default: this computer)")


DECLARATIONS: Declarations = {"serve": _declare}
