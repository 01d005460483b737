"""`inturn-hub serve`: starts the database, then the hub, until a signal; restarts a private PostgreSQL that died."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
from functools import partial
from pathlib import Path

from core.errors import HubError, SetupError
from core.settings import Settings
from server.cli.command_parser import Declarations, run_by, settings_of
from server.connections.hub import Hub
from server.door.limits import limits_of
from server.door.tls import TlsFiles, check_files
from server.health import logs
from server.postgres.embedded import EmbeddedPostgres
from server.schema.own_database import announce_new_database, prepare

log = logging.getLogger(__name__)

GIVEN_UP = 4
"""Exit code of a hub that stopped because a vital chore kept failing."""


def serve(settings: Settings) -> int:
    """Serves until a signal: exit code 0, or GIVEN_UP when a vital chore ends the hub. Raises SetupError."""
    logs.configure()
    tls_files(settings)  # Wrong files are reported before PostgreSQL starts.
    if settings.database_url:
        return _serve_on(settings, settings.database_url, None)
    announce_new_database(settings)
    with EmbeddedPostgres(settings.data_path) as embedded:
        return _serve_on(settings, embedded.start(), embedded)


def _serve_on(settings: Settings, url: str, embedded: EmbeddedPostgres | None) -> int:
    prepare(url, own=embedded.root if embedded else None)
    hub = Hub(
        url,
        host=settings.host,
        port=settings.port,
        tls=tls_files(settings),
        limits=limits_of(settings),
        origins=[origin.strip() for origin in settings.origins.split(",") if origin.strip()],
        metrics_from=settings.metrics_from,
    )
    with asyncio.Runner(loop_factory=hub.new_loop) as runner:
        return runner.run(run_hub(hub, embedded))


def tls_files(settings: Settings) -> TlsFiles | None:
    """The files of the certificate and its key, None without TLS. Raises SetupError if they can't be used."""
    if not settings.tls_cert and not settings.tls_key:
        return None
    if not settings.tls_cert or not settings.tls_key:
        raise SetupError("TLS needs both a certificate and its key: --tls-cert FILE --tls-key FILE.")
    files = TlsFiles(Path(settings.tls_cert).expanduser(), Path(settings.tls_key).expanduser())
    check_files(files)
    return files


async def run_hub(hub: Hub, embedded: EmbeddedPostgres | None) -> int:
    """Serves in the running loop until a signal or a vital chore ends the hub; the exit code. Raises SetupError."""
    stop = asyncio.Event()
    hub.chores.on_given_up = stop.set
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, hub.renew_certificate)
    try:
        await hub.start()
    except HubError as error:
        raise SetupError(f"The hub can't start: {error.message}") from error
    print(f"listening on {hub.url}", flush=True)
    if embedded is not None:
        watch_database(hub, embedded)
    await stop.wait()
    log.info("Stopping")
    await hub.stop()
    return 0 if hub.chores.given_up is None else GIVEN_UP


def watch_database(hub: Hub, embedded: EmbeddedPostgres) -> None:
    """Restarts the private PostgreSQL whenever it died, also with another process that owned it."""
    hub.chores.start("watch of the private PostgreSQL", partial(_keep_database, hub, embedded))


async def _keep_database(hub: Hub, embedded: EmbeddedPostgres) -> None:
    while True:
        await asyncio.sleep(hub.timings.own_server)
        if hub.misses_database:
            await asyncio.to_thread(embedded.start)


def _declare(command: argparse.ArgumentParser) -> None:
    run_by(command, lambda arguments: serve(settings_of(arguments)))
    command.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    command.add_argument("--port", help="port to listen on (default 8765; 0: any free one)")
    command.add_argument("--tls-cert", metavar="FILE", help="certificate in PEM form: the hub speaks wss://")
    command.add_argument("--tls-key", metavar="FILE", help="its key")
    command.add_argument("--origins", help="web pages that may connect, with commas (default: none)")
    command.add_argument("--metrics-from", help="networks that may read /metrics (default: this computer)")


DECLARATIONS: Declarations = {"serve": _declare}
