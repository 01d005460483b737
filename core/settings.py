"""Where a setting comes from: option, then environment, then file, then default.

Parsing is pure (`resolve`); reading the file is its edge (`read_file`). The file is `inturn.toml` in the platform's
configuration folder::

    host = "0.0.0.0"
    port = 8765
    data_dir = "/srv/inturn"
    database_url = "postgresql://inturn@db/inturn"
    hub = "ws://reception:8765/ws"
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


@dataclass(frozen=True)
class Settings:
    """What can be set.

    Attributes:
        host, port: where the hub listens; port 0 takes a free one.
        data_dir: where the hub keeps its own database.
        database_url: another database; the hub then keeps none of its own.
        hub: where clients connect.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    data_dir: str = ""
    database_url: str = ""
    hub: str = DEFAULT_HUB

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
        if str(value).isdecimal() and int(value) < 65536:
            return int(value)
        raise SetupError(f"{name} must be a number from 0 to 65535, not {value!r} (from {place}).")
    if isinstance(value, str):
        return value
    raise SetupError(f"{name} must be a text, not {value!r} (from {place}).")
