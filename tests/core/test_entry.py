"""A missing package or system library is reported in a sentence; faults of the program keep their traceback."""

import pytest

from core.entry import explain, packages_of, run

METADATA = [
    "inturn[gui,hub]",
    "msgspec>=0.21",
    "tzdata>=2026.1; sys_platform == 'win32'",
    "pytest>=8.4; extra == 'dev'",
    "pyside6-essentials<6.12; (python_version < '3.12') and extra == 'gui'",
    'qasync>=0.28; extra == "gui"',
    "psycopg[binary]>=3.2; extra == 'hub'",
]


def test_a_program_ends_with_the_code_of_its_function() -> None:
    assert run("inturn-hub", "hub", "os", "getpid") > 0
    assert run("inturn-hub", "hub", "gc", "enable") == 0


def test_a_missing_package_is_one_sentence_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path_factory.mktemp("program")
    (place / "needy_program.py").write_text("import missing_package.inner\n")
    monkeypatch.syspath_prepend(place)
    assert run("inturn-hub", "hub", "needy_program") == 1
    assert capsys.readouterr().err == (
        "inturn-hub needs packages that are not installed here (missing_package is missing). "
        "Run: pip install 'inturn[hub]'\n"
    )


def test_a_missing_module_of_our_own_is_a_fault_not_a_sentence() -> None:
    with pytest.raises(ModuleNotFoundError):
        run("inturn-hub", "hub", "core.missing_module")


def test_a_missing_system_library_is_named_with_its_command() -> None:
    error = ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
    sentence = explain(error, "inturn-kiosk", "gui")
    assert sentence is not None
    assert "(libGL.so.1)" in sentence
    assert "apt-get install libgl1 " in sentence


def test_a_role_gets_the_common_packages_and_its_own() -> None:
    assert packages_of("gui", METADATA) == [
        "msgspec>=0.21",
        "tzdata>=2026.1; sys_platform == 'win32'",
        "pyside6-essentials<6.12; (python_version < '3.12')",
        "qasync>=0.28",
    ]
    assert packages_of("hub", METADATA)[-1] == "psycopg[binary]>=3.2"
