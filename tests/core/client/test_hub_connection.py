"""Connecting with certificates that fit, and the error sentences for certificates that don't."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.client.hub_client import HubClient
from core.client.hub_connection import pair, trust, trust_for
from core.errors import HubError, SetupError, Unavailable, UntrustedHub
from core.wire.session import DeviceCredentials
from tests.support.places import CERTIFICATES
from tests.support.scripted_hub import ScriptedHub
from tests.support.waiting import in_time

AUTHORITY = str(CERTIFICATES / "authority.pem")
DEVICE = DeviceCredentials("t0ken")


@asynccontextmanager
async def hub_with(certificate: str) -> AsyncIterator[ScriptedHub]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{certificate}.pem", CERTIFICATES / "hub_key.pem")
    async with ScriptedHub.running(context) as hub:
        hub.answers["session.pair"] = lambda params: {"token": params["code"]}
        yield hub


async def test_a_certificate_of_the_clinics_own_authority_is_trusted() -> None:
    async with hub_with("valid") as hub:
        assert hub.url.startswith("wss://")
        assert await pair(["ws://127.0.0.1:9/ws", hub.url], "ABC", "test", ca_file=AUTHORITY) == (
            DeviceCredentials("ABC")
        )
        async with HubClient(hub.url, DEVICE, ca_file=AUTHORITY) as client:
            assert client.hello is not None
            assert client.trouble is None


@pytest.mark.parametrize(
    ("certificate", "ca_file", "sentence"),
    [
        ("other_name", AUTHORITY, "for another name"),
        ("expired", AUTHORITY, "has expired"),
        ("valid", "", "does not know who issued"),
    ],
)
async def test_a_certificate_that_does_not_fit_raises_a_sentence(
    certificate: str, ca_file: str, sentence: str
) -> None:
    async with hub_with(certificate) as hub:
        with pytest.raises(UntrustedHub, match=sentence) as refused:
            await pair(hub.url, "ABC", "test", ca_file=ca_file)
        assert refused.value.message.endswith(".")
        client = HubClient(hub.url, DEVICE, ca_file=ca_file)
        client.start()
        with pytest.raises(UntrustedHub, match=sentence):
            await client.live(retry=False)
        await client.aclose()
        assert hub.asked == []


async def test_an_address_with_the_wrong_scheme_raises_a_sentence() -> None:
    async with ScriptedHub.running() as plain, hub_with("valid") as encrypted:
        for url in (plain.url.replace("ws:", "wss:"), encrypted.url.replace("wss:", "ws:")):
            with pytest.raises(Unavailable, match="not as a hub does"):
                await pair(url, "ABC", "test", ca_file=AUTHORITY)


def test_an_invalid_certificate_file_is_reported_before_any_connection(tmp_path: Path) -> None:
    nonsense = tmp_path / "ca.pem"
    nonsense.write_text("not a certificate")
    with pytest.raises(SetupError, match="hub_ca"):
        trust(str(nonsense))
    with pytest.raises(SetupError, match="can't be read"):
        trust_for(["wss://hub/ws"], str(tmp_path / "none.pem"))
    assert trust_for(["ws://127.0.0.1/ws"], str(nonsense)) is None


async def test_a_full_hub_is_reported_in_a_sentence() -> None:
    async with ScriptedHub.running() as hub:
        hub.refuses_with = 4429
        client = HubClient(hub.url, DEVICE)
        client.start()
        with pytest.raises(HubError, match="no more connections"):
            await client.live(retry=False)
        await client.aclose()


async def test_a_pairing_code_is_not_tried_at_another_hub_after_a_refusal() -> None:
    async with ScriptedHub.running() as first, ScriptedHub.running() as second:
        first.answers["session.pair"] = lambda params: Unavailable()
        with pytest.raises(Unavailable, match="database"):
            await in_time(pair([first.url, second.url], "ABC", "test"))
        assert second.asked == []
