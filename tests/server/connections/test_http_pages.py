"""Access to the pages beside the WebSocket: every computer learns whether the hub works, its own computer all figures."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from core.errors import SetupError
from server.connections.http_pages import OWN_COMPUTER, Readers
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.short_day import page


@pytest.mark.parametrize(
    ("networks", "peer", "admitted"),
    [
        (OWN_COMPUTER, "127.0.0.1", True),
        (OWN_COMPUTER, "127.8.9.1", True),
        (OWN_COMPUTER, "::1", True),
        (OWN_COMPUTER, "::ffff:127.0.0.1", True),
        (OWN_COMPUTER, "192.168.0.7", False),
        (OWN_COMPUTER, "10.0.0.5", False),
        (OWN_COMPUTER, "fe80::1%eth0", False),
        (OWN_COMPUTER, "somebody", False),
        (f"{OWN_COMPUTER}, 10.0.0.5", "10.0.0.5", True),
        (f"{OWN_COMPUTER}, 10.0.0.5", "10.0.0.6", False),
        ("10.0.0.0/24", "::ffff:10.0.0.9", True),
        ("10.0.0.0/24", "127.0.0.1", False),
        ("", "127.0.0.1", False),
    ],
)
def test_only_named_computers_read_everything(networks: str, peer: str, admitted: bool) -> None:
    assert Readers(networks).admits(peer, {}) is admitted


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_a_proxied_request_counts_as_foreign(header: str) -> None:
    assert not Readers().admits("127.0.0.1", {header: "203.0.113.9"})


def test_an_invalid_network_is_refused_at_the_start() -> None:
    with pytest.raises(SetupError, match="metrics_from must name addresses"):
        Readers("10.0.0.5, everybody")


@pytest.fixture
def closed_hub(clinic: Clinic) -> Iterator[HubProcess]:
    """A hub that does not give this computer its figures."""
    started = HubProcess(clinic.database_url, metrics_from="192.0.2.1")
    yield started
    started.terminate()


def test_a_foreign_computer_learns_only_whether_the_hub_works(closed_hub: HubProcess) -> None:
    assert page(closed_hub.url, "livez") == (200, '{"alive": true}')
    assert page(closed_hub.url, "readyz?verbose=1") == (200, '{"ready": true}')
    status, body = page(closed_hub.url, "metrics")
    assert (status, "metrics_from" in body, "inturn_" in body) == (403, True, False)


def test_the_hubs_own_computer_reads_all_pages(hub: HubProcess) -> None:
    status, body = page(hub.url, "readyz")
    fields = json.loads(body)
    assert (status, fields["ready"], fields["database"], fields["health"]["level"]) == (200, True, True, "ok")
    assert page(hub.url, "metrics")[0] == 200
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert page(hub.url, "readyz", **proxied) == (200, '{"ready": true}')
    assert page(hub.url, "metrics", **proxied)[0] == 403


def test_a_hub_is_not_ready_on_functions_of_another_version(clinic: Clinic, hub: HubProcess) -> None:
    clinic.rows("UPDATE installed_schema SET functions_fingerprint = 'another' RETURNING 1")
    status, body = page(hub.url, "readyz")
    fields = json.loads(body)
    assert (status, fields["ready"], fields["database"], fields["schema"]) == (503, False, True, False)
