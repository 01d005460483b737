"""Checks addresses of hubs that people typed. Pure."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from core.errors import SetupError

log = logging.getLogger(__name__)

EXAMPLE = "ws://127.0.0.1:8765/ws"


def checked_addresses(url: str | Sequence[str]) -> list[str]:
    """Returns the URLs of one or several hubs as a list. Raises SetupError with a sentence about the first invalid URL.

    Args:
        url: a URL, several URLs in one text separated by commas, or a list of URLs; duplicates are dropped.

    An unencrypted URL of another computer is allowed and logged as a warning.
    """
    typed = url.split(",") if isinstance(url, str) else url
    urls = list(dict.fromkeys(address.strip() for address in typed if address.strip()))
    if not urls:
        raise SetupError(f"The hub's address is missing. It looks like {EXAMPLE}.")
    for address in urls:
        parts = _parts(address)
        if parts.scheme == "ws" and not _is_loopback(parts.hostname or ""):
            log.warning("The connection to %s is not encrypted. Use wss:// beyond this computer.", address)
    return urls


def _parts(url: str) -> SplitResult:
    wrong = SetupError(f"{url} is not the address of a hub. It looks like {EXAMPLE}.")
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError as error:
        raise wrong from error
    # Two addresses without a comma between them parse as one address with an odd path.
    several = "//" in parts.path or any(character.isspace() for character in url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname or several:
        raise wrong
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
