"""Starts every program: a missing package or system library becomes one sentence, never a traceback.

Entry modules (`server/__main__.py`, `kiosk_app/__main__.py`, ...) import only this module and the standard library,
so that they can print that sentence without the missing packages. As a program, `python -m core.entry hub` prints
the packages of one role for `pip install -r`, read from the installed metadata.
"""

import importlib
import re
import sys
from importlib.metadata import PackageNotFoundError, requires
from importlib.metadata import version as installed_version

OUR_PACKAGES = frozenset({"core", "server", "kiosk_app", "admin_app", "resources"})
QT_LIBRARIES = "libgl1 libegl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0"


def run(program: str, extra: str, module: str, function: str = "main") -> int:
    """Imports `module`, calls its `function` and returns the program's exit code.

    `program` is the command that a person typed; `extra` is the extra (or several, "hub,gui") that brings its
    packages. When a package is missing, prints a sentence with the command that installs it and returns 1.
    """
    try:
        code = getattr(importlib.import_module(module), function)()
    except ImportError as error:
        sentence = explain(error, program, extra)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 1
    return int(code or 0)


def version() -> str:
    """InTurn's version; "unpackaged" where it was not installed."""
    try:
        return installed_version("inturn")
    except PackageNotFoundError:
        return "unpackaged"


def explain(error: ImportError, program: str, extra: str) -> str | None:
    """Returns the sentence for a missing package or system library; None when InTurn's own code is at fault."""
    library = re.match(r"(lib[\w.+-]+): cannot open shared object file", str(error))
    if library:
        return (
            f"{program} needs a system library that is not installed here ({library[1]}). "
            f"On Debian or Ubuntu: sudo apt-get install {QT_LIBRARIES}"
        )
    missing = (error.name or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or missing in OUR_PACKAGES | sys.stdlib_module_names:
        return None
    return (
        f"{program} needs packages that are not installed here ({missing} is missing). "
        f"Run: pip install 'inturn[{extra}]'"
    )


def packages_of(extra: str, metadata: list[str]) -> list[str]:
    """Returns the requirements of every program and those of one `extra`, ready for `pip install -r`.

    `metadata` holds the distribution's Requires-Dist lines. Requirements of other extras and those on `inturn`
    itself are left out.
    """
    chosen = []
    for line in metadata:
        of_extra = re.search(r"""(?:;| and) extra == ['"](\w+)['"]""", line)
        if of_extra and of_extra[1] == extra:
            chosen.append(line.replace(of_extra[0], ""))
        elif not of_extra and not line.startswith("inturn"):
            chosen.append(line)
    return chosen


if __name__ == "__main__":
    print("\n".join(packages_of(sys.argv[1], requires("inturn") or [])))
