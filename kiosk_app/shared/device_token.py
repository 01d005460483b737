"""A device's token, read from the option, the environment, or a file that only its owner can read (mode 0600)."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from core.errors import SetupError

VARIABLE = "INTURN_TOKEN"


def find_token(role: str, option: str | None, environment: Mapping[str, str], file: Path) -> str:
    """Returns the token: `option` before the environment before `file`.

    Raises SetupError: no token was found, or other users can read `file`. The message says how to mend it.
    """
    token = option or environment.get(VARIABLE) or _from_file(file)
    if token:
        return token.strip()
    raise SetupError(
        f"This {role} has no token yet. On the hub's computer, `inturn-hub device pair --role {role}` prints a code: "
        f"start again with --pair CODE. Or `inturn-hub device add NAME --role {role}` prints a token: put it "
        f"into {VARIABLE} or into {file} (readable by you alone)."
    )


def require_room(file: Path) -> None:
    """Raises SetupError if a token could not be written to `file`: a pairing code works only once."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        trial = file.with_suffix(".try")
        trial.touch(mode=0o600)
        trial.unlink()
    except OSError as error:
        raise SetupError(
            f"The token can't be written to {file}: {error.strerror}. The code was not used."
        ) from error


def keep_token(file: Path, token: str) -> None:
    """Writes the token to `file`, readable by its owner alone. Raises SetupError if the file can't be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".new")
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(token + "\n")
        part.replace(file)
    except OSError as error:
        raise SetupError(f"The token can't be written to {file}: {error.strerror}.") from error


def _from_file(file: Path) -> str:
    try:
        if sys.platform != "win32" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise SetupError(f"Other users can read the token in {file}. Run: chmod 600 '{file}'")
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"The token's file {file} can't be read: {error}.") from error
