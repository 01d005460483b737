"""The rules of ARCHITECTURE.md that a machine can check: imports, names, sizes, places."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ("core", "server", "kiosk_app", "admin_app", "resources")
LONGEST_BODY = 50
LONGEST_FILE = 350
_ENDING = r"\.(?:py|sql|md|json|yml|wav|png|svg|ttf|txt)"
NAMED_FILE = re.compile(rf"(?<![\w./:*-])(?:[\w*.-]+/)+[\w*.-]+{_ENDING}\b|(?<=`)[\w*.-]+{_ENDING}(?=`)")
"""A path anywhere in a document, or a file's name between backticks."""
CITED_DECISION = re.compile(r"\(DECISIONS: ([^()]+)\)")


def python_files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_follow_the_layers() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_no_modal_exec_outside_the_application() -> None:
    found = [
        relative(file) for file in python_files(*SOURCES) if re.search(r"\.exec_?\(", file.read_text("utf-8"))
    ]
    assert set(found) <= {"core/qt/app.py"}


def test_every_text_of_a_widget_is_plain_text() -> None:
    """Only `plain_text.py` uses what draws HTML, or text that looks like it; widgets derive from its bases."""
    rich = re.compile(
        r"\bQLabel\(|\(QLabel\)|\(QAbstractButton\)|\bQ(?:Push|Tool|Radio)Button\(|\bQCheckBox\(|\bsetToolTip\(|\bToolTipRole"
        r"|\bRichText|\bAutoText|\bMarkdownText|\bsetHtml|\bQText(?:Document|Edit|Browser)\b|\bQ(?:Message|Group)Box\b|\bQStaticText\("
    )
    found = {relative(file) for file in python_files(*SOURCES) if rich.search(file.read_text("utf-8"))}
    assert found == {
        "core/qt/look/plain_text.py",
        "admin_app/line/cell_painter.py",  # a QStaticText, whose format is set to plain text
    }


def test_windows_read_no_wall_clock() -> None:
    """A window's time is its hub's: the computer's own may be wrong, and jumps when it finds a time server."""
    read = re.compile(
        r"\bdatetime\.now\(|\btime\.time\(|\bdate\.today\(|\bQ(?:Date|Time|DateTime)\b|utcnow\("
    )
    files = (file for file in python_files("core", "kiosk_app", "admin_app") if "demo" not in file.parts)
    found = {relative(file) for file in files if read.search(file.read_text("utf-8"))}
    assert found == {
        "core/client/hub_client.py",  # the beginning of a client's time, until the hub has told its own
        "core/qt/hub_bridge.py",  # the time while no person is signed in
    }


def test_every_task_of_the_hub_is_a_chore_or_is_awaited_by_its_maker() -> None:
    """A background task that ends by an error would end unseen; `server/chores.py` logs it."""
    made = re.compile(r"\bcreate_task\(|\bensure_future\(|\.gather\(|\bTaskGroup\(|\bThread\(")
    found = {relative(file) for file in python_files("server") if made.search(file.read_text("utf-8"))}
    assert found == {
        "server/chores.py",
        "server/checks/races.py",  # a command's own event loop, which ends with the first error
        "server/connections/visitors.py",  # closing handshakes, in task groups of the chores that start them
        "server/database/watch.py",  # polls, each awaited by its callers
        "server/postgres/process.py",  # the thread that forks PostgreSQL, and waits for its end
        "server/pushes/outbox.py",  # a client's recovery: an error is logged and ends the connection
    }


def test_no_file_is_a_catch_all() -> None:
    catch_all = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert [relative(file) for file in python_files(*SOURCES, "tests") if file.stem in catch_all] == []


def test_tests_mirror_the_sources() -> None:
    own = {"acceptance", "bench", "faults", "speeds", "support"}
    folders = {file.parent.relative_to(ROOT / "tests") for file in python_files("tests")}
    assert {f.as_posix() for f in folders if not (ROOT / f).is_dir() and f.parts[0] not in own} == set()


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_and_files_stay_short() -> None:
    long = {
        f"{relative(file)}: {function.name}"
        for file in python_files(*SOURCES, "tests")
        for function in functions(file)
        if body_lines(function) > LONGEST_BODY
    }
    assert long == set()
    lengths = {
        relative(file): len(file.read_text("utf-8").splitlines()) for file in python_files(*SOURCES, "tests")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def imported_modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_entry_modules_need_nothing_that_may_be_missing() -> None:
    for program in ("server", "kiosk_app", "admin_app"):
        imported = imported_modules(ROOT / program / "__main__.py")
        foreign = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
        assert foreign <= {"core.entry", "core.entry.run"}, program


def test_every_file_that_a_document_names_exists() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "resources" / "README.md"]
    folders = (*SOURCES, "tests", "docs", "scripts")
    files = [*ROOT.glob("*.*"), *(file for folder in folders for file in (ROOT / folder).rglob("*.*"))]
    named = [(relative(page), name) for page in pages for name in NAMED_FILE.findall(page.read_text("utf-8"))]
    assert len(named) > 100
    # `match` compares from the right: `door/test_door.py` is found wherever such a folder is.
    assert {(page, name) for page, name in named if not any(file.match(name) for file in files)} == set()


def test_every_decision_that_a_comment_cites_is_taken() -> None:
    cited = {
        (relative(file), title)
        for folder in (*SOURCES, "tests")
        for file in sorted((ROOT / folder).rglob("*.*"))
        if file.suffix in {".py", ".sql"}
        for title in CITED_DECISION.findall(re.sub(r"\n\s*(?:#|--)?\s*", " ", file.read_text("utf-8")))
    }
    taken = re.findall(r"^## (.+)$", (ROOT / "DECISIONS.md").read_text("utf-8"), re.MULTILINE)
    assert {(file, title) for file, title in cited if title not in taken} == set()
    assert len(taken) == len(set(taken)) > 20


def test_nothing_names_a_package_index() -> None:
    addresses = re.compile(r"index[-_]url|https?://[^ \"']+/(?:simple|packages)/|\"resolved\": *\"http")
    files = [
        *ROOT.glob("*.*"),
        *ROOT.glob("[A-Z]*"),
        *(ROOT / ".ci").iterdir(),
        *(ROOT / "scripts").iterdir(),
    ]
    files += [
        file
        for folder in (*SOURCES, "tests")
        for file in (ROOT / folder).rglob("*.*")
        if file.suffix != ".pyc"
    ]
    named = {
        relative(f) for f in files if f.is_file() and addresses.search(f.read_text("utf-8", errors="ignore"))
    }
    assert named - {relative(Path(__file__))} == set()


CLOCKED = {
    "bench",
    "speeds",
    "support/waiting.py",
    # Modules that measure for `make prove`, record when something happened, or raise after `WAIT_SECONDS`.
    "support/cluster_owner.py",
    "support/faults/crowd_process.py",
    "support/faults/fault_proxy.py",
    "support/faults/trial.py",
    "support/flood_hub.py",
    "support/hammer.py",
    "support/honest_clients.py",
    "support/troubled_clinic.py",
    # A clock that jumps, a client that was silent for long, least durations, and most repaints per second.
    "acceptance/test_the_hub_dies.py",
    "admin_app/demo/test_demo_hands.py",
    "core/qt/test_hub_bridge.py",
    "faults/test_fault_proxy.py",
    "server/connections/test_visitors.py",
    "support/faults/jumping_clocks.py",
}
"""Files and folders of tests that may read a clock; no other test can assert a speed."""
CLOCKS = {"time", "time.monotonic", "time.perf_counter", "time.time", "time.process_time"}


def test_tests_read_no_clock() -> None:
    reading = {
        file.relative_to(ROOT / "tests")
        for file in python_files("tests")
        if CLOCKS & set(imported_modules(file))
    }
    clocked = {file for file in reading if {file.as_posix(), file.parts[0]} & CLOCKED}
    assert reading - clocked == set()
    used = {file.as_posix() for file in clocked} | {file.parts[0] for file in clocked}
    assert used >= CLOCKED, "a file of CLOCKED reads no clock"


LONGEST_SLEEP = 0.2


def sleeps(file: Path) -> Iterator[float]:
    """Yields the seconds of each `asyncio.sleep(…)` and `Event().wait(…)` with a number."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            seconds = node.args[0].value
            if ast.unparse(node.func) in {"asyncio.sleep", "Event().wait"} and isinstance(
                seconds, float | int
            ):
                yield float(seconds)


def test_tests_do_not_sleep() -> None:
    files = [file for file in python_files("tests") if file.relative_to(ROOT / "tests").parts[0] != "bench"]
    long = {relative(file): max(sleeps(file), default=0.0) for file in files}
    speeds = {name for name in long if name.startswith("tests/speeds/")}
    assert {name for name, seconds in long.items() if seconds > LONGEST_SLEEP} - speeds == set()


def test_a_coroutine_is_a_test_itself() -> None:
    """No test passes an `async def story()` to a fixture or to `asyncio.run`; `at_once` does, for sync tests."""
    handing = re.compile(r"\brun\(\w+\(\)\)")
    found = {relative(file) for file in python_files("tests") if handing.search(file.read_text("utf-8"))}
    assert found - {"tests/support/at_once.py"} == set()


def test_tickets_and_services_are_built_in_one_place() -> None:
    built = re.compile(r"\b(Ticket|ServiceSummary)\(")
    found = {relative(file) for file in python_files("tests") if built.search(file.read_text("utf-8"))}
    assert found == {"tests/support/builders.py"}
