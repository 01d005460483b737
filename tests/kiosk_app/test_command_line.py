"""Command lines of `inturn-kiosk` and `inturn-monitor`: a sentence for each wrong option or setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk_app import command_line


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("INTURN_TOKEN", "INTURN_HUB"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("program", [command_line.kiosk, command_line.monitor])
def test_without_a_token_the_program_ends_with_a_sentence(
    program: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(program)
    assert program([]) == 1
    assert "has no token yet" in capsys.readouterr().err


def test_a_wrong_address_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.kiosk(["--hub", "reception", "--token", "x"]) == 1
    assert capsys.readouterr().err.startswith("reception is not the address of a hub.")


def test_pairing_without_a_hub_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.monitor(["--hub", "ws://127.0.0.1:9/ws", "--pair", "ABCDEFG"]) == 1
    assert "hub" in capsys.readouterr().err


def test_token_and_code_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.kiosk(["--token", "x", "--pair", "y"])
    assert ended.value.code == 2
