"""The findings from a hub's figures: sentence, advice and level of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from core.line.tickets import CounterSummary
from core.wire.system_health import HealthCheck, HealthFigures, SystemHealth
from server.health.clocks import ClockDoubt
from server.health.condition import unserved
from server.health.findings import FailedChore, Surroundings, assess, duration_words
from server.health.recent_counts import SLOT_SECONDS, SLOTS, RecentCounts

AT = datetime(2026, 3, 2, 3, tzinfo=UTC)
CHECKS = {"database", "notifications", "integrity", "pool", "clients"} | {
    "load",
    "faults",
    "door",
    "lines",
    "chores",
    "clock",
}


def health(beside: dict[str, Any], **figures: Any) -> SystemHealth:
    return assess(HealthFigures(version="1", up=60, **figures), Surroundings(**beside), AT)


def failed_chore(failures: int, *, ago: float = 2.0, again_in: float | None = None) -> FailedChore:
    """A failure of the daily close."""
    return FailedChore(name="daily close", failures=failures, failure="OSError", ago=ago, again_in=again_in)


def finding(report: SystemHealth, check: str) -> HealthCheck:
    [found] = [found for found in report.checks if found.check == check]
    return found


def test_a_healthy_hub_has_nothing_to_advise() -> None:
    found = health(
        {"checked_ago": 40}, connections={"kiosk": 2, "staff": 1, "admin": 0}, database_latency=0.002
    )
    assert found.level == "ok"
    assert {check.check for check in found.checks} == CHECKS
    assert not any(check.advice for check in found.checks)
    assert finding(found, "clients").sentence == "3 clients are connected (2 kiosk, 1 staff)."
    assert finding(found, "database").sentence == "The database answers in 2 ms."
    assert finding(found, "integrity").sentence == "Every line is sound, as checked 40 seconds ago."


@pytest.mark.parametrize(
    ("check", "level", "sentence", "advice", "figures", "beside"),
    [
        (
            "database", "failed",
            "The database has not answered for 12 seconds. Reads come from memory; nothing can be changed.",
            "Check that PostgreSQL runs on db1:5432: systemctl status postgresql.",
            {"database_away": 12.2, "pool_waiting": 3}, {"database_place": "db1:5432"},
        ),
        ("database", "warning", "the last call took 0.7 seconds", "the disk of this computer",
         {"database_latency": 0.7}, {}),
        ("pool", "warning", "All 8 connections to the database are busy and 1 call waits for one.", "locks",
         {"pool_waiting": 1, "pool_max": 8}, {}),
        ("notifications", "failed", "windows show an old line", "started again by itself", {},
         {"notification_running": False}),
        ("notifications", "warning", "3 events wait for an earlier one", "normal for a second",
         {"notification_backlog": 3}, {}),
        ("notifications", "warning", "took 0.8 seconds to reach all", "too busy", {"publish_latency": 0.8}, {}),
        ("clients", "warning", "1 client does not read what the hub sends; monitor device:3 has not for 90 seconds.",
         "Look at that screen", {"clients_behind": 1, "client_behind": 90.0}, {"slowest": "monitor device:3"}),
        ("load", "warning", "held up for 0.3 seconds", "top", {"loop_lag": 0.31}, {}),
        ("load", "failed", "Windows count it as lost after 4.", "swaps", {"loop_lag": 2.5}, {}),
        ("integrity", "failed", "in the line of: A (2).", "inturn-hub check integrity",
         {"integrity_violations": {"A": 2, "B": 0}}, {"checked_ago": 1}),
        ("integrity", "warning", "last checked 2 hours ago", "inturn-hub check integrity", {}, {"checked_ago": 7300}),
        ("faults", "warning", "2 requests with a fault", "traceback", {"internal_errors": 2}, {}),
        ("door", "warning", "may be a password-guessing attack", "address", {"throttled_sign_ins": 40}, {}),
        ("door", "warning", "1 connections were refused", "connections_per_address", {"refused_connections": 1}, {}),
        ("door", "warning", "500 requests came too fast", "kiosk", {"rate_limited": 500}, {}),
        ("lines", "warning", "no open counter serves them: C (4).", "Open a counter", {}, {"unserved": {"C": 4}}),
        ("chores", "failed",
         "The daily close failed 3 times, last 2 seconds ago (OSError); it is tried again in 8 seconds.",
         "Restart this hub if", {}, {"failed_chores": (failed_chore(3, again_in=8.0),)}),
        ("chores", "warning", "The daily close failed once, 2 seconds ago (OSError); it runs again.",
         "traceback", {}, {"failed_chores": (failed_chore(1), failed_chore(2, ago=900.0))}),
        ("clock", "failed", "The hub's clock and the database's differ by 6 minutes.", "inturn-hub day close", {},
         {"clock_doubt": ClockDoubt("apart", 360.0, lasts=True)}),
        ("clock", "warning", "The clock of the hub's computer was set by 2 hours.", "agreed for 10 minutes", {},
         {"clock_doubt": ClockDoubt("stepped", 7300.0, lasts=False)}),
        ("clock", "failed", "more than one day later", "NTP", {}, {"clock_doubt": ClockDoubt("day", 0.0, lasts=True)}),
    ],
)  # fmt: skip
def test_each_fault_has_its_sentence_and_its_advice(
    check: str, level: str, sentence: str, advice: str, figures: dict[str, Any], beside: dict[str, Any]
) -> None:
    found = health({"checked_ago": 60, **beside}, **figures)
    first = found.checks[0]
    assert (first.check, first.level, found.level) == (check, level, level)
    assert sentence in first.sentence
    assert advice in (first.advice or "")
    assert {other.check for other in found.checks if other.level != "ok"} == {check}


def test_the_worst_findings_come_first() -> None:
    found = health({"unserved": {"A": 1}}, database_away=1.0, internal_errors=1)
    assert [check.level for check in found.checks][:4] == ["failed", "warning", "warning", "ok"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (150, "2 minutes"), (7300, "2 hours")],
)
def test_durations_are_written_with_their_unit(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


def test_a_line_is_unserved_when_no_open_counter_serves_it() -> None:
    counters = (
        CounterSummary(code="R1", name="1", services=("A",), state="open"),
        CounterSummary(code="R2", name="2", services=("B", "C"), state="paused"),
    )
    assert unserved({"A": 3, "B": 2, "C": 0}, counters) == {"B": 2}


def test_counts_older_than_ten_minutes_expire() -> None:
    now = [0.0]
    counts = RecentCounts(lambda: now[0])
    counts.add("throttled")
    now[0] = SLOT_SECONDS * (SLOTS - 1)
    counts.add("throttled")
    assert (counts.of("throttled"), counts.of("refused")) == (2, 0)
    now[0] = SLOT_SECONDS * SLOTS
    assert counts.of("throttled") == 1
    now[0] = SLOT_SECONDS * SLOTS * 5
    assert counts.of("throttled") == 0
