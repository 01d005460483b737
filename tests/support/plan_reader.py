"""Reads which indexes a call of an SQL function uses, in every statement inside it, and how many rows it writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg

GROWING = ("tickets", "queue_events", "requests", "wait_estimates")
"""Tables that grow without limit."""

EXPLAIN = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on;
SET auto_explain.log_timing = off;
SET auto_explain.log_buffers = off;
SET auto_explain.log_format = json;
"""

INDEXES = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = ANY (%s::regclass[])"


@dataclass
class Reading:
    """The effects of a call.

    Attributes:
        result: the returned value.
        indexes: the indexes of growing tables that were used. scans: statements that read a growing table sequentially.
        written: the number of written rows by table.
    """

    result: Any = None
    indexes: set[str] = field(default_factory=set)
    scans: list[str] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)


class PlanReader:
    """A connection that records the plans of its calls. Needs a superuser, for auto_explain."""

    def __init__(self, url: str, options: str = "") -> None:
        self.connection = psycopg.connect(url, autocommit=True, options=options)
        self._plans: list[dict[str, Any]] = []
        self.connection.add_notice_handler(self._take_plan)
        self.connection.execute(EXPLAIN)
        self._indexes = {index for (index,) in self.connection.execute(INDEXES, (list(GROWING),))}

    def close(self) -> None:
        """Ends the connection."""
        self.connection.close()

    def call(self, call: str, values: dict[str, Any]) -> Any:
        """The result of a call; WHO in its arguments stands for an actor, a new key and a digest."""
        statement = f"SELECT {call.replace('WHO', '%(actor)s, %(key)s, %(digest)s')}"
        request = {"actor": "user:1", "key": str(uuid4()), "digest": b""}
        row = self.connection.execute(statement.encode(), {**request, **values}).fetchone()
        assert row is not None
        return row[0]

    def read(self, call: str, values: dict[str, Any]) -> Reading:
        """Performs a call, records its effects, and rolls it back."""
        reading = Reading()
        with self.connection.transaction(force_rollback=True):
            before = self._written()
            with self._recording_plans():
                reading.result = self.call(call, values)
            reading.written = {table: rows - before[table] for table, rows in self._written().items()}
        for plan in self._plans:
            for node in executed_nodes(plan["Plan"]):
                if node.get("Index Name") in self._indexes:
                    reading.indexes.add(node["Index Name"])
                elif node.get("Relation Name") in GROWING and node["Node Type"] == "Seq Scan":
                    reading.scans.append(plan["Query Text"])
        return reading

    @contextmanager
    def _recording_plans(self) -> Iterator[None]:
        self._plans.clear()
        self.connection.execute("SET LOCAL client_min_messages = log")
        yield
        self.connection.execute("SET LOCAL client_min_messages = notice")

    def _take_plan(self, notice: psycopg.errors.Diagnostic) -> None:
        _, _, plan = (notice.message_primary or "").partition("plan:\n")
        if plan:
            self._plans.append(json.loads(plan))

    def _written(self) -> dict[str, int]:
        query = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
        return dict(self.connection.execute(query).fetchall())


def executed_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes without the branches that were not executed."""
    if node.get("Actual Loops") != 0:
        yield node
        for inner in node.get("Plans", ()):
            yield from executed_nodes(inner)
