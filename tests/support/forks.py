"""Processes forked from one server that has loaded their modules: imports would take most of a short process's time."""

from __future__ import annotations

import multiprocessing

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(
    [
        "tests.support.hub_process",
        "tests.support.hammer",
        "tests.support.command",
        "server.connections.connection",
        "server.cli.check_commands",
        "server.cli.clinic_commands",
        "server.cli.database_commands",
        "server.cli.people_commands",
        "server.cli.serve_command",
        "server.cli.simulate_command",
    ]
)
