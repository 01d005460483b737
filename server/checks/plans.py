"""Whether each operation finds its rows by its indexes, on this very database and whatever is in it.

Every operation is run once on two lines and a counter of the probe's own, in one transaction that is rolled back: no
number is used up, nobody's line is locked, nothing stays. Sequential scans are dear there, so that one that is made all
the same means that no index serves. Meanwhile the site's settings can't be changed: for some tenths of a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import SystemRandom
from secrets import token_hex
from string import ascii_uppercase
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from server.checks.finding import Finding
from server.checks.schema_objects import missing_indexes
from server.schema.engine import sentence_of

GROWING = ("tickets", "queue_events", "requests")
"""Tables that grow without end: reading one from its first row to its last is never right."""
_BY_INDEX = ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin")
_ADVICE = "See whether that index is still the one of server/schema/migrations/sql, and run ANALYZE."
_WHO = "'user:' || :user, :key, ''"


@dataclass(frozen=True)
class Step:
    """One operation of the story that the probe plays.

    Attributes:
        call: the SQL function with its arguments; `:name` is what an earlier step kept.
        uses: the indexes without which it would be slow in a long line or after a year.
        keeps: the name for its ticket.
    """

    call: str
    uses: str
    keeps: str = ""

    @property
    def name(self) -> str:
        """The operation."""
        return self.call.partition("(")[0]


_ONE = "requests_once tickets_pkey"
STORY = (
    Step(f"join_queue({_WHO}, :line)", "requests_once", "first"),
    Step(f"join_queue({_WHO}, :line)", "requests_once idx_waiting_rank", "second"),
    Step(f"join_queue({_WHO}, :line, 'low')", "requests_once idx_waiting_rank", "third"),
    Step(f"join_queue({_WHO}, :line, 'high')", "requests_once idx_waiting_rank", "urgent"),
    Step(f"call_next_patient({_WHO}, :counter)", f"{_ONE} idx_unique_queue_position"),
    Step(f"recall_patient({_WHO}, :urgent)", _ONE),
    Step(f"finish_consultation({_WHO}, :urgent, 'no_show')", _ONE),
    Step(f"call_patient({_WHO}, :first, :counter)", _ONE),
    Step(f"finish_consultation({_WHO}, :first, 'completed')", _ONE),
    Step(f"undo_operation({_WHO}, :operation)", f"{_ONE} queue_events_pkey"),
    Step(f"park_ticket({_WHO}, :first)", _ONE),
    Step(f"unpark_ticket({_WHO}, :first)", f"{_ONE} idx_waiting_rank"),
    Step(f"set_ticket_priority({_WHO}, :second, 'low')", f"{_ONE} idx_waiting_rank"),
    Step(f"move_ticket({_WHO}, :second, 1)", f"{_ONE} idx_unique_queue_position"),
    Step(f"transfer_ticket({_WHO}, :second, :other, 'arrival')", f"{_ONE} idx_waiting_rank"),
    Step(f"update_ticket({_WHO}, :second, '{{}}')", _ONE),
    Step(f"cancel_ticket({_WHO}, :third)", _ONE),
    Step("queue_snapshot(:line)", "idx_parked idx_recently_called idx_missed"),
    Step("events_after(:line, 2, 5)", "queue_events_pkey tickets_pkey"),
    Step("find_ticket(:second)", "tickets_pkey"),
    Step("update_wait_times_atomic(:line)", "idx_completed"),
    Step("log_wait_outcomes(:line)", ""),
    Step("estimate_accuracy(:line, now())", "idx_wait_estimates_told"),
    Step(f"set_counter_state({_WHO}, :counter, 'paused')", "requests_once"),
    Step(f"set_service_state({_WHO}, :line, 'paused')", "requests_once"),
    Step(f"close_day({_WHO}, :line)", "requests_once tickets_pkey idx_parked"),
)


def plan_findings(engine: Engine) -> Iterator[Finding]:
    """Operations that read too much or don't work; what a missing index explains is not told again."""
    with engine.connect() as connection:
        try:
            missing = missing_indexes(connection)
            values = _set_the_scene(connection)
        except DBAPIError as error:
            reason = sentence_of(error)
            yield Finding("warning", "plans", f"The operations can't be tried out on this database. {reason}")
            return
        try:
            troubles = list(_play(connection, values, missing))
        finally:
            connection.rollback()
            connection.execute(text("DISCARD PLANS"))
    yield from (Finding("FAILED", "plans", trouble) for trouble in troubles)
    if not troubles:
        yield Finding("ok", "plans", "Every operation works, and finds its rows by its indexes.")


def _set_the_scene(connection: Connection) -> dict[str, Any]:
    """Makes scans dear and two lines, a counter and an account that exist in this transaction only; their names."""
    connection.execute(text("DISCARD PLANS"))
    connection.execute(text("".join(f"SET LOCAL enable_{way} = off;" for way in _BY_INDEX)))
    # Such costs would have every statement compiled, for seconds.
    connection.execute(
        text("SET LOCAL jit = off; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '10s'")
    )
    name, number = f"doctor-{token_hex(6)}", -1 - SystemRandom().getrandbits(40)
    taken = set(connection.execute(text("SELECT prefix FROM services")).scalars())
    letters = ["".join(three) for three in product(ascii_uppercase, repeat=3) if "".join(three) not in taken]
    values = {
        "user": number,
        "line": name,
        "other": f"{name}-b",
        "counter": name,
        "id": number,
        "id_b": number - 1,
    }
    values["prefix"], values["prefix_b"] = SystemRandom().sample(letters, 2)
    # Numbers below zero take none from a sequence.
    for statement in (
        "DELETE FROM closed_days WHERE service_id IS NULL",  # today may be a holiday
        "INSERT INTO services (id, code, name, prefix) OVERRIDING SYSTEM VALUE "
        "VALUES (:id, :line, 'Doctor', :prefix), (:id_b, :other, 'Doctor', :prefix_b)",
        "INSERT INTO counters (id, code, name) OVERRIDING SYSTEM VALUE VALUES (:id, :counter, 'Doctor')",
        "INSERT INTO counter_services VALUES (:id, :id, 1), (:id, :id_b, 2)",
        "INSERT INTO users (id, username, display_name, role, password_hash) OVERRIDING SYSTEM VALUE "
        "VALUES (:id, :line, :line, 'supervisor', '')",
    ):
        connection.execute(text(statement), values)
    return values


def _play(connection: Connection, values: dict[str, Any], missing: set[str]) -> Iterator[str]:
    for number, step in enumerate(STORY):
        key = f"{values['line']}-{number}"
        before = _scans(connection)
        try:
            result = connection.execute(text(f"SELECT {step.call}"), {**values, "key": key}).scalar_one()
        except DBAPIError as error:
            yield f"{step.name} does not work. {sentence_of(error)}"
            return
        after = _scans(connection)
        done = {name for name, count in after.items() if count > before.get(name, 0)}
        uses = set(step.uses.split())
        if not uses & missing:
            yield from (f"{step.name} reads all of {table}. {_ADVICE}" for table in GROWING if table in done)
            yield from (f"{step.name} does not use {index}. {_ADVICE}" for index in sorted(uses - done))
        values["operation"] = key
        if step.keeps:
            values[step.keeps] = result["result"]["ticket"]["id"]


def _scans(connection: Connection) -> dict[str, int]:
    """How often this transaction scanned each table from end to end, and each index."""
    query = text(
        "SELECT relname, pg_stat_get_xact_numscans(oid) FROM pg_class WHERE oid = ANY (CAST(:tables AS regclass[])) OR "
        "oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY (CAST(:indexed AS regclass[])))"
    )
    values = {"tables": list(GROWING), "indexed": [*GROWING, "wait_estimates"]}
    return {str(name): int(count) for name, count in connection.execute(query, values)}
