"""Where a setting comes from: option, then environment, then file, then default.

Parsing is pure (`resolve`); reading the file is its edge (`read_file`). The file is `inturn.toml` in the platform's
configuration folder::

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
"""The largest value of a number; a million unless named here."""


@dataclass(frozen=True)
class Settings:
    """What can be set.

    Attributes:
        host, port: where the hub listens; port 0 takes a free one.
        data_dir: where the hub keeps its own database.
        database_url: another database; the hub then keeps none of its own.
        hub: where clients connect; several hubs of one database are separated by commas.
        hub_ca: a file with the certificate of the authority behind the hub's own; "" trusts the system's.
        tls_cert, tls_key: the hub's certificate (with those between it and the authority) and its key, in PEM files.
        origins: web pages that may connect, separated by commas; a browser on any other page is refused.
        metrics_from: computers and networks that may read `/metrics`, separated by commas; the hub's own by default.
        people_rate: requests a second that one person's connection may make.
        device_rate, device_burst: the same of a kiosk or monitor, and how many at once.
        connections, connections_per_address: how many may be open at once, together and from one address.
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
        """The data directory, the platform's unless set."""
        return Path(self.data_dir).expanduser() if self.data_dir else user_data_path("inturn")


def resolve(
    options: Mapping[str, Any],
    environment: Mapping[str, str],
    file: Mapping[str, Any],
    file_name: str = FILE_NAME,
) -> Settings:
    """The settings in force. Options that are None were not given. Raises SetupError naming what is wrong and where."""
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
    """The settings file's content, empty if there is none. Raises SetupError for a damaged or unreadable one."""
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
    """The settings in force in this process."""
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
