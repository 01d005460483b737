"""Makes the tests' folders reachable for the account that runs PostgreSQL when the tests run as root."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def reachable_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Gives pytest's temporary folders (0700) mode 0711, so that other accounts can enter paths in them.

    Otherwise each test's cluster would be in /var/lib/inturn, where nothing removes it (`server.postgres.placement`).
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield
        return
    base, top = tmp_path_factory.getbasetemp(), Path(tempfile.gettempdir()).resolve()
    for folder in (base, *base.parents):
        if folder.is_relative_to(top) and folder != top:
            _open(folder)
    make_closed = tmp_path_factory.mktemp

    def make_open(basename: str, numbered: bool = True) -> Path:
        return _open(make_closed(basename, numbered))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tmp_path_factory, "mktemp", make_open)
        yield


def _open(folder: Path) -> Path:
    folder.chmod(0o711)
    return folder
