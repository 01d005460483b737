"""How every program starts: a missing package or system library becomes one sentence, never a traceback.

Entry modules (`server/__main__.py`, `kiosk_app/__main__.py`, ...) import nothing but this module and the
standard library, so that each entry point speaks whatever is installed. As a program, `python -m core.entry
hub` prints the packages of one role for `pip install -r`, read from the installed metadata.
"""

import importlib
import re
import sys
from importlib.metadata import requires

OUR_PACKAGES = frozenset({"core", "server", "kiosk_app", "admin_app", "resources"})
QT_LIBRARIES = "libgl1 libegl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0"


def run(program: str, extra: str, module: str, function: str = "main") -> int:
    """Import `module` and return what its `function` returns, the program's exit code.

    `program` is the command a person typed and `extra` the extra (or several, "hub,gui") that brings its
    packages. When one of them is missing, the person reads one sentence with the command that helps, and the
    exit code is 1.
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


def explain(error: ImportError, program: str, extra: str) -> str | None:
    """Return the sentence for a missing package or system library, or None when the fault is our own."""
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
    """Return the requirements that every program has and those of one `extra`, ready for `pip install -r`.

    `metadata` holds the distribution's Requires-Dist lines; those of other extras and the one on `inturn`
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
