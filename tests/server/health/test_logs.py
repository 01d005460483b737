"""What the hub logs of a request, and what it never logs."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from server.health import logs
from server.health.logs import DiscreetFormatter, JsonFormatter, RequestLog, harmless
from server.operations.queue_operations import Result
from tests.support.builders import make_ticket

TICKET = make_ticket("A007", id="t1", patient_name="Amal Haddad")
KEYED = msgspec.Raw(b'{"service": "A", "key": "tap-1", "patient_name": "Amal Haddad"}')
UNKEYED = msgspec.Raw(b"{}")


class RecordsHandler(logging.Handler):
    """Collects log records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    caplog.set_level(logging.DEBUG, "server.health.logs")
    handler = RecordsHandler()
    logging.getLogger("server.health.logs").addHandler(handler)
    yield handler.records
    logging.getLogger("server.health.logs").removeHandler(handler)


def line(record: logging.LogRecord) -> dict[str, Any]:
    found = json.loads(JsonFormatter().format(record))
    assert isinstance(found, dict)
    return found


def test_a_change_is_logged_in_a_line_with_key_and_revision(records: list[logging.LogRecord]) -> None:
    answer = {"ticket": TICKET, "revision": 12}
    RequestLog("user:1").write("tickets.join", KEYED, "ok", 0.0123, answer)
    found = line(records[0])
    fields = {name: found[name] for name in found.keys() - {"time", "level", "logger", "message"}}
    request = {"request": "tap-1", "actor": "user:1", "method": "tickets.join"}
    assert fields == {**request, "outcome": "ok", "seconds": 0.0123, "service": "A", "revision": 12}
    assert (found["level"], found["logger"]) == ("info", "server.health.logs")
    assert found["message"] == "tickets.join ok user:1 A/12 12.3ms [tap-1]"
    assert "Haddad" not in json.dumps(found)


def test_service_and_revision_are_read_from_a_result_struct() -> None:
    assert logs.line_of(Result(ticket=TICKET, revision=3)) == ("A", 3)
    assert logs.line_of({"cancelled": 4}) == logs.line_of(None) == (None, None)


@pytest.mark.parametrize(
    ("params", "outcome", "level"),
    [
        (KEYED, "ok", "INFO"),
        (KEYED, "unavailable", "INFO"),
        (KEYED, "queue_empty", "INFO"),
        (UNKEYED, "unknown_service", "INFO"),
        (UNKEYED, "ok", "DEBUG"),
        (UNKEYED, "unavailable", "DEBUG"),
        (msgspec.Raw(b'{"key": 7}'), "invalid_params", "DEBUG"),
        (KEYED, "forbidden", "WARNING"),
        (UNKEYED, "rate_limited", "WARNING"),
        (UNKEYED, "internal_error", "WARNING"),
    ],
)
@pytest.mark.logs_expected
def test_changes_and_refusals_are_logged_and_readings_only_at_debug_level(
    records: list[logging.LogRecord], params: msgspec.Raw, outcome: str, level: str
) -> None:
    RequestLog("user:1").write("queue.call_next", params, outcome, 0.001)
    assert [record.levelname for record in records] == [level]


@pytest.mark.logs_expected
def test_repeated_refusals_of_a_client_are_counted_in_the_log(
    records: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(logs, "monotonic", lambda: now[0])
    requests = RequestLog("device:1")
    for _ in range(50):
        requests.write("queue.move", KEYED, "forbidden", 0.001)
    assert len(records) == 1
    now[0] += logs.REFUSED_SECONDS
    requests.write("queue.move", KEYED, "forbidden", 0.001)
    assert [record.getMessage().partition(" [")[0] for record in records[1:]] == [
        "device:1: 49 more refused requests were not logged",
        "queue.move forbidden device:1 - 1.0ms",
    ]


def test_requests_without_a_key_are_numbered_by_connection(records: list[logging.LogRecord]) -> None:
    requests = RequestLog("user:1")
    requests.write("tickets.get", UNKEYED, "ok", 0.001)
    requests.write("tickets.get", UNKEYED, "ok", 0.001)
    first, second = (line(record)["request"] for record in records)
    assert first.endswith("-1")
    assert second == f"{first[:-2]}-2"


def logged(message: str, formatter: logging.Formatter) -> str:
    try:
        try:
            raise ValueError(message)
        except ValueError as error:
            raise RuntimeError("it failed") from error
    except RuntimeError:
        record = logging.LogRecord("server", logging.ERROR, "x.py", 1, "A fault", None, sys.exc_info())
    return formatter.format(record)


@pytest.mark.parametrize("formatter", [JsonFormatter(), DiscreetFormatter("%(message)s")])
def test_a_row_that_the_database_quotes_is_not_logged(formatter: logging.Formatter) -> None:
    quoted = "Failing row contains (7, Amal\nHaddad, latex)."
    text = logged(f"violates check\nDETAIL:  {quoted}\nCONTEXT:  SQL statement of Haddad", formatter)
    assert "Haddad" not in text
    assert "latex" not in text
    assert all(word in text for word in ("violates check", "DETAIL: (not logged)", "RuntimeError: it failed"))


def test_without_a_terminal_lines_are_json_and_libraries_log_only_warnings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, written = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure()
    logging.getLogger("server.connections.hub").info("Listening")
    logging.getLogger("websockets.server").info("connection open")
    logging.getLogger("websockets.server").warning("odd")
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(line["level"], line["message"]) for line in found] == [("info", "Listening"), ("warning", "odd")]


@pytest.mark.parametrize("word", ["Amal Haddad", "a\nb", "x" * 65, "", "clé"])
def test_text_of_a_client_that_is_no_plain_word_becomes_a_fingerprint(word: str) -> None:
    assert harmless(word).startswith("~")
    assert len(harmless(word)) == 13
    assert harmless("queue.call_next") == "queue.call_next"
