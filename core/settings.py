"""Settings: a command-line option overrides the environment, the environment the file, the file the default.

`resolve` is pure; `read_file` reads the file, `inturn.toml` in the platform's configuration folder::

    host = "0.0.0.0"
    port = 8765
    data_dir = "/srv/inturn"
    database_url = "postgresql://inturn@db/inturn"
    hub = "ws://reception:8765/ws"

With TLS, for the hub and for its clients::

    tls_cert = "/etc/inturn/hub.pem"
    tls_key = "/etc/inturn/hub.key"

    hub = "wss://reception:8765/ws, wss://archive:8765/ws"
    hub_ca = "/etc/inturn/clinic-ca.pem"
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from platformdirs import user_config_path, user_data_path

from core.errors import SetupError

FILE_NAME = "inturn.toml"
DEFAULT_HUB = "ws://127.0.0.1:8765/ws"
LARGEST = {"port": 65535}
"""Largest value of a setting that is a number; 1,000,000 for a setting that is missing here."""


@dataclass(frozen=True)
class Settings:
    """Settings of the hub and its clients.

    Attributes:
        host, port: address on which the hub listens; port 0 takes a free port.
        data_dir: directory of the hub's own database.
        database_url: URL of another database; the hub then runs no database of its own.
        hub: URLs to which clients connect, separated by commas; the hubs share one database.
        hub_ca: PEM file with the certificate of the authority that signed the hub's; "" trusts the system's authorities.
        tls_cert, tls_key: PEM files with the hub's certificate chain and its private key.
        origins: origins of web pages that may connect, separated by commas; a browser on any other page is refused.
        metrics_from: addresses and networks that may read `/metrics`, separated by commas; loopback by default.
        people_rate: requests/s of one person's connection.
        device_rate, device_burst: requests/s of one kiosk's or monitor's connection, and its largest burst.
        connections, connections_per_address: most connections open at once, in total and from one address.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    data_dir: str = ""
    database_url: str = ""
    hub: str = DEFAULT_HUB
    hub_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    origins: str = ""
    metrics_from: str = "127.0.0.0/8, ::1"
    people_rate: int = 1000
    device_rate: int = 20
    device_burst: int = 100
    connections: int = 2000
    connections_per_address: int = 1000

    @property
    def data_path(self) -> Path:
        """Data directory: `data_dir`, or the platform's folder."""
        return Path(self.data_dir).expanduser() if self.data_dir else user_data_path("inturn")


def resolve(
    options: Mapping[str, Any],
    environment: Mapping[str, str],
    file: Mapping[str, Any],
    file_name: str = FILE_NAME,
) -> Settings:
    """Returns the settings in force; an option of None was not given. Raises SetupError naming the wrong setting."""
    values: dict[str, Any] = {}
    unknown = set(file) - {field.name for field in fields(Settings)}
    if unknown:
        raise SetupError(f"{file_name} has settings that InTurn does not know: {', '.join(sorted(unknown))}.")
    for field in fields(Settings):
        variable = f"INTURN_{field.name.upper()}"
        if options.get(field.name) is not None:
            values[field.name] = _typed(options[field.name], field.name, field.default, "the command line")
        elif environment.get(variable):
            values[field.name] = _typed(environment[variable], field.name, field.default, variable)
        elif field.name in file:
            values[field.name] = _typed(file[field.name], field.name, field.default, file_name)
    return Settings(**values)


def read_file(path: Path | None = None) -> dict[str, Any]:
    """Returns the settings file's content, {} without a file. Raises SetupError for a damaged or unreadable file."""
    path = path or user_config_path("inturn") / FILE_NAME
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(
            f"The settings file {path} is damaged: {error}. Mend it, or move it away."
        ) from error
    except OSError as error:
        raise SetupError(f"The settings file {path} can't be read: {error.strerror}.") from error


def load(options: Mapping[str, Any]) -> Settings:
    """Returns the settings of this process, from `options`, its environment and the settings file."""
    return resolve(options, os.environ, read_file(), str(user_config_path("inturn") / FILE_NAME))


def _typed(value: Any, name: str, default: Any, place: str) -> Any:
    if isinstance(default, int):
        least, largest = (0 if name == "port" else 1), LARGEST.get(name, 1_000_000)
        if str(value).isdecimal() and least <= int(value) <= largest:
            return int(value)
        raise SetupError(f"{name} must be a number from {least} to {largest}, not {value!r} (from {place}).")
    if isinstance(value, str):
        return value
    raise SetupError(f"{name} must be a text, not {value!r} (from {place}).")
