"""Settings: options precede the environment, the file and the defaults; a wrong value raises a sentence."""

from pathlib import Path

import pytest

from core.errors import SetupError
from core.settings import Settings, read_file, resolve


def test_each_source_beats_the_next() -> None:
    file = {"port": 1, "host": "file", "hub": "ws://file/ws"}
    environment = {"INTURN_PORT": "2", "INTURN_HOST": "environment"}
    settings = resolve({"port": "3", "host": None}, environment, file)
    assert (settings.port, settings.host, settings.hub, settings.data_dir) == (
        3,
        "environment",
        "ws://file/ws",
        "",
    )


def test_without_anything_the_defaults_hold() -> None:
    assert resolve({}, {}, {}) == Settings()


@pytest.mark.parametrize("port", ["http", "-1", "65536", ""])
def test_a_wrong_port_names_itself_and_its_place(port: str) -> None:
    with pytest.raises(SetupError, match=r"port must be a number.*command line"):
        resolve({"port": port}, {}, {})


@pytest.mark.parametrize("rate", ["0", "1000001", "fast"])
def test_a_wrong_rate_names_itself(rate: str) -> None:
    with pytest.raises(
        SetupError, match=r"people_rate must be a number from 1 to 1000000.*INTURN_PEOPLE_RATE"
    ):
        resolve({}, {"INTURN_PEOPLE_RATE": rate}, {})


def test_an_unknown_setting_is_not_ignored() -> None:
    with pytest.raises(SetupError, match="does not know: prot"):
        resolve({}, {}, {"prot": 1})


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "inturn.toml"
    file.write_text("port = = 3")
    with pytest.raises(SetupError, match=r"inturn.toml is damaged.*line 1"):
        read_file(file)
    assert read_file(tmp_path / "missing.toml") == {}
