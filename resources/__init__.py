"""Fonts, icons and sounds that ship with InTurn, readable from a checkout and from an installed wheel."""

from importlib.resources import files
from pathlib import Path


def path(*parts: str) -> Path:
    """Returns the path of a resource, e.g. `path("icons", "check.svg")`.

    Raises FileNotFoundError when there is no such file, so that a misspelt name fails where it is used.
    """
    found = Path(str(files(__name__).joinpath(*parts)))
    if not found.exists():
        raise FileNotFoundError(f"InTurn has no resource {'/'.join(parts)}")
    return found
