"""A device's token: its sources, the permissions of its file, and the error sentences."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from core.errors import SetupError
from kiosk_app.shared.device_token import VARIABLE, find_token, keep_token


def test_option_then_environment_then_file(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "kiosk.token"
    keep_token(file, "from-file")
    assert find_token("kiosk", "from-option", {VARIABLE: "from-environment"}, file) == "from-option"
    assert find_token("kiosk", None, {VARIABLE: "from-environment"}, file) == "from-environment"
    assert find_token("kiosk", None, {}, file) == "from-file"


def test_without_a_token_the_sentence_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"inturn-hub device pair --role monitor"):
        find_token("monitor", None, {}, tmp_path / "monitor.token")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps permissions elsewhere")
def test_a_token_is_kept_private(tmp_path: Path) -> None:
    file = tmp_path / "kiosk.token"
    keep_token(file, "secret")
    keep_token(file, "newer")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert find_token("kiosk", None, {}, file) == "newer"
    file.chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        find_token("kiosk", None, {}, file)


def test_a_file_that_is_no_text_raises_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "kiosk.token"
    keep_token(file, "x")
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SetupError, match="can't be read"):
        find_token("kiosk", None, {}, file)


def test_a_folder_that_cannot_be_written_raises_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="can't be written"):
        keep_token(tmp_path / "file" / "kiosk.token", "x")
