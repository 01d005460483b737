"""The console's program: its options, its settings file, its exit codes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication

from admin_app.window import command_line


def test_a_wrong_address_ends_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["--hub", "http://reception"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_an_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--nonsense"])
    assert ended.value.code == 2
    assert "--nonsense" in capsys.readouterr().err


def test_help_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--help"])
    assert ended.value.code == 0
    assert "call patients" in capsys.readouterr().out


async def test_the_console_saves_its_geometry_when_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(tmp_path))
    QGuiApplication.setQuitOnLastWindowClosed(False)
    stop = asyncio.Event()
    stop.set()
    assert (await command_line.live(stop, ["ws://127.0.0.1:9/ws"])) == 0
    assert "geometry" in (tmp_path / "console.ini").read_text()
