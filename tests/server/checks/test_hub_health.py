"""`doctor`'s findings about the server at the hub's address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from core.client.hub_connection import trust
from server.checks.hub_health import hub_findings
from server.door.tls import TlsFiles
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.places import CERTIFICATES


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            '{"ready": false, "database": true, "schema": true, "notification_service": false}',
            "its notification service has stopped",
        ),
        ('{"ready": false}', "says that it is not ready. Run doctor on its computer"),
        (
            '{"ready": false, "database": false, "schema": true, "notification_service": true, "health": '
            '{"at": "2026-03-02T03:00:00Z", "level": "failed", "figures": {"version": "1", "up": 3.0}, "checks": '
            '[{"check": "database", "level": "failed", "sentence": "The database is away.", "advice": "Start it."}]}}',
            "The database is away. Start it.",
        ),
        ("<html>Apache</html>", "does not answer as a hub does"),
        ("[]", "does not answer as a hub does (something else listens there)"),
    ],
)
def test_the_hubs_report_about_itself_is_a_finding(body: str, sentence: str) -> None:
    with listener(body) as url:
        found = [finding for finding in hub_findings(url) if finding.level != "ok"]
    assert found[0].level == "FAILED"
    assert sentence in found[0].text
    # The listener accepts no WebSocket; after an answer that is no hub's, the WebSocket is not tried.
    assert [finding.check for finding in found] == ["hub", "websocket"][: 2 if "ready" in body else 1]


@pytest.mark.logs_expected
@pytest.mark.parametrize(
    ("certificate", "authority", "texts"),
    [
        ("valid", "authority.pem", ["is ready: database, schema, notification service", "Connected, asked"]),
        ("valid", "", ["is not trusted: This computer does not know who issued"]),
        ("other_name", "authority.pem", ["is not trusted: The hub's certificate is for another name"]),
    ],
)
def test_a_hub_with_tls_is_checked_with_the_trust_of_a_window(
    clinic: Clinic, certificate: str, authority: str, texts: list[str]
) -> None:
    tls = TlsFiles(CERTIFICATES / f"{certificate}.pem", CERTIFICATES / "hub_key.pem")
    hub = HubProcess(clinic.database_url, tls=tls)
    try:
        found = list(hub_findings(hub.url, trust(str(CERTIFICATES / authority) if authority else "")))
    finally:
        hub.terminate()
    assert len(found) == len(texts)
    assert all(words in finding.text for words, finding in zip(texts, found, strict=True))
    assert {finding.level for finding in found} == {"ok" if len(texts) == 2 else "FAILED"}


@contextmanager
def listener(body: str) -> Iterator[str]:
    """The address of a web server that is no hub and answers everything with `body`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Logs nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.server_port}/ws"
        server.shutdown()
        thread.join()
