"""/metrics after a short day: its figures, no names; the dashboard and the alerts use only series that exist."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

import resources
from core.client.hub_client import HubClient
from core.errors import BY_REASON
from server.health.metrics import CLOSED_FOR, SIGN_INS
from server.routers.registry import REGISTRY
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.places import DOCS
from tests.support.short_day import NAMES, NOTE, page, short_day
from tests.support.waiting import until

ROLES = {"kiosk", "monitor", "staff", "supervisor", "admin"}
OURS = re.compile(r"\b(?:inturn|process|python)_[a-z0-9_]+")
ADDED_BY_PROMETHEUS = {"instance", "job"}


@pytest.fixture(scope="module")
def cached_page() -> dict[str, str]:
    """The page after the day, fetched once for all tests of this module: {"text": page}."""
    return {}


@pytest.fixture
def text(cached_page: dict[str, str], request: pytest.FixtureRequest) -> str:
    if "text" not in cached_page:
        day = short_day(request.getfixturevalue("clinic"), request.getfixturevalue("hub").url)
        cached_page["text"] = request.getfixturevalue("run")(day)
    return cached_page["text"]


@pytest.fixture
def families(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))


def labels_by_series(families: list[Metric]) -> dict[str, set[str]]:
    """Series name -> its labels."""
    found: dict[str, set[str]] = {}
    for sample in chain.from_iterable(family.samples for family in families):
        found.setdefault(sample.name, set()).update(sample.labels)
    return found


def value(text: str, series: str) -> float:
    [line] = [line for line in text.splitlines() if line.startswith(f"{series} ")]
    return float(line.rsplit(" ", 1)[1])


@pytest.mark.logs_expected
def test_the_page_shows_the_figures_of_the_day(text: str) -> None:
    expected = {
        'inturn_queue_length{service="A"}': 2,
        'inturn_queue_length{service="B"}': 1,
        'inturn_parked{service="A"}': 1,
        'inturn_service_state{service="C",state="open"}': 1,
        'inturn_counters{state="open"}': 2,
        'inturn_events_total{kind="joined",service="A"}': 7,
        'inturn_events_total{kind="transferred_in",service="B"}': 1,
        'inturn_wait_seconds_count{service="A"}': 3,
        'inturn_consultation_seconds_count{service="A"}': 2,
        'inturn_requests_total{method="tickets.join",outcome="ok"}': 7,
        'inturn_requests_total{method="queue.move",outcome="forbidden"}': 1,
        'inturn_requests_total{method="unknown",outcome="unknown_method"}': 1,
        'inturn_request_duration_seconds_count{method="tickets.join"}': 7,
        'inturn_sign_ins_total{outcome="accepted"}': 3,
        'inturn_sign_ins_total{outcome="refused"}': 1,
        'inturn_connections{role="kiosk"}': 1,
        "inturn_sockets": 5,
        "inturn_events_published_total": 17,
        "inturn_snapshots_read_total": 3,
        "inturn_database_available": 1,
        "inturn_notification_service_up": 1,
        'inturn_integrity_violations{service="A"}': 0,
    }
    assert {series: value(text, series) for series in expected} == expected
    assert value(text, 'inturn_estimated_wait_seconds{bound="high",service="A"}') > 0
    assert value(text, 'inturn_oldest_wait_seconds{service="A"}') < 60
    assert value(text, "inturn_publish_duration_seconds_count") >= 10
    assert value(text, 'inturn_database_call_duration_seconds_count{outcome="ok"}') > 20
    assert value(text, "inturn_snapshots_told_total") > 3


@pytest.mark.logs_expected
def test_the_page_holds_no_name_note_ticket_or_unbounded_label(text: str, families: list[Metric]) -> None:
    for secret in (*(name.split()[0] for name in NAMES), NOTE, "canary", "A001", "Hall", "user:", "device:"):
        assert secret not in text
    allowed: dict[str, set[str]] = {
        "method": {*REGISTRY, "unknown", "session.hello", "session.pair"},
        "outcome": {"ok", "other", "unavailable", "refused", "failed", *SIGN_INS, *BY_REASON},
        "role": ROLES,
        "reason": set(CLOSED_FOR),
        "service": {"A", "B", "C"},
        "bound": {"low", "high"},
    }
    for sample in chain.from_iterable(family.samples for family in families):
        for label, word in sample.labels.items():
            assert word in allowed.get(label, {word}), sample


@pytest.mark.logs_expected
def test_metric_names_follow_the_conventions(families: list[Metric]) -> None:
    for family in families:
        assert family.documentation, family.name
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)
        assert not re.search(r"_(ms|milliseconds|kb|percent)(_|$)", family.name)
        assert len(family.samples) < 500, family.name


@pytest.mark.logs_expected
def test_the_guide_lists_exactly_the_existing_metrics(families: list[Metric]) -> None:
    names = {f"{family.name}{'_total' * (family.type == 'counter')}" for family in families}
    ours = {name for name in names if name.startswith("inturn_")}
    rows = re.findall(r"^\| `(inturn_\w+)`", (DOCS / "operations.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(ours)


def dashboard_expressions() -> Iterator[str]:
    board = json.loads(resources.path("grafana", "inturn.json").read_text())
    assert board["schemaVersion"] >= 38
    assert {"datasource", "instance", "service"} == {
        variable["name"] for variable in board["templating"]["list"]
    }
    panels: list[dict[str, Any]] = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert [row["title"] for row in board["panels"] if row["type"] == "row"] == [
        "Clinic",
        "Hub",
        "Database",
        "Windows",
    ]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in panels:
        assert panel["datasource"]["uid"] == "${datasource}"
        yield from (target["expr"] for target in panel["targets"])


def alerts() -> list[dict[str, str]]:
    """The members of each rule, from a file with one member a line."""
    text = resources.path("prometheus", "inturn-alerts.yml").read_text()
    blocks = text.split("- alert: ")[1:]
    return [
        {"alert": block.split("\n", 1)[0], **dict(re.findall(r"^ +(\w+): (.+)$", block, re.MULTILINE))}
        for block in blocks
    ]


@pytest.mark.logs_expected
def test_the_dashboard_uses_existing_series(families: list[Metric]) -> None:
    expressions = list(dashboard_expressions())
    assert len(expressions) > 40
    assert_series_exist(expressions, labels_by_series(families))


@pytest.mark.logs_expected
def test_the_alerts_use_existing_series_and_have_an_action(families: list[Metric]) -> None:
    rules = alerts()
    assert len({rule["alert"] for rule in rules}) == len(rules) > 10
    for rule in rules:
        assert rule["severity"] in {"critical", "warning", "info"}
        assert rule["summary"].endswith('."')
        assert len(rule["action"]) > 30
    assert_series_exist([rule["expr"] for rule in rules], labels_by_series(families))


def assert_series_exist(expressions: list[str], series: dict[str, set[str]]) -> None:
    """Asserts that every series exists and has the labels that its selectors and groupings use."""
    for expression in expressions:
        names = set(OURS.findall(expression))
        assert names or expression.startswith("up{"), expression
        assert names <= series.keys(), expression
        for name, selectors in re.findall(r"\b(\w+)\{([^}]*)\}", expression):
            selected = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selectors))
            assert selected <= series.get(name, set()) | ADDED_BY_PROMETHEUS, expression
        known = set().union(*(series[name] for name in names), ADDED_BY_PROMETHEUS)
        for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
            assert {label.strip() for label in grouped.split(",")} <= known, expression


@pytest.mark.logs_expected
async def test_metrics_are_readable_while_the_database_is_unreachable(
    clinic: Clinic, hub: HubProcess
) -> None:
    async with HubClient(hub.url, clinic.supervisor) as supervisor:
        await asyncio.to_thread(block_connections, clinic)
        try:
            await until(lambda: page(hub.url, "readyz")[0] == 503, what="the hub to notice the lost database")
            status, body = await asyncio.to_thread(page, hub.url, "metrics")
            assert (status, value(body, "inturn_database_available")) == (200, 0)
            assert value(body, "inturn_database_outage_seconds") > 0
            health = await supervisor.system_health()
            assert (health.level, health.checks[0].check) == ("failed", "database")
        finally:
            await asyncio.to_thread(allow_connections, clinic)
        await until(lambda: page(hub.url, "readyz")[0] == 200, what="the hub to reach the database again")
        assert (await supervisor.system_health()).figures.database_away is None


def block_connections(clinic: Clinic) -> None:
    """Ends all connections to the clinic's database, and accepts no new ones."""
    set_connections(clinic, "false")


def allow_connections(clinic: Clinic) -> None:
    """Lets the clinic's database accept connections again."""
    set_connections(clinic, "true")


def set_connections(clinic: Clinic, allowed: str) -> None:
    from sqlalchemy import (
        create_engine,
        make_url,
        text,
    )  # a maintenance connection, outside of the clinic's engine

    url = make_url(clinic.database_url)
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS {allowed}"))
        connection.execute(
            text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'")
        )
    engine.dispose()
