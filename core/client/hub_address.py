"""Where a hub is: checks addresses that people typed. Pure."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from core.errors import SetupError

log = logging.getLogger(__name__)

EXAMPLE = "ws://127.0.0.1:8765/ws"


def checked_addresses(url: str | Sequence[str]) -> list[str]:
    """The urls of one or several hubs as a list. Raises SetupError with a sentence about the wrong one.

    Args:
        url: one url, several in one text with commas between, or a list of them; one named twice counts once.

    Unencrypted beyond this computer is allowed, and warned about in the log.
    """
    typed = url.split(",") if isinstance(url, str) else url
    urls = list(dict.fromkeys(each.strip() for each in typed if each.strip()))
    if not urls:
        raise SetupError(f"The hub's address is missing. It looks like {EXAMPLE}.")
    for each in urls:
        parts = _parts(each)
        if parts.scheme == "ws" and not _is_loopback(parts.hostname or ""):
            log.warning("What is sent to %s is not encrypted. Use wss:// beyond this computer.", each)
    return urls


def _parts(url: str) -> SplitResult:
    wrong = SetupError(f"{url} is not the address of a hub. It looks like {EXAMPLE}.")
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError as error:
        raise wrong from error
    # Two addresses with something else than a comma between them would be one with a strange path.
    several = "//" in parts.path or any(character.isspace() for character in url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname or several:
        raise wrong
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
