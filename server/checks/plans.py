"""Checks that each operation finds its rows by its indexes on this database, whatever rows it has.

Every operation runs once on two lines and a counter of the check's own, in one transaction that is rolled back: it uses
no ticket number and locks no line of the clinic. Sequential scans are disabled there: a plan has one only if no index
fits. The transaction locks the site's settings for less than 1 s.
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
"""Tables that grow without limit: a sequential scan of one is always a fault."""
_BY_INDEX = ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin")
_ADVICE = "See whether that index is still the one of server/schema/migrations/sql, and run ANALYZE."
_ACTOR = "'user:' || :user, :key, ''"
"""The first arguments of every change: actor, key and digest."""


@dataclass(frozen=True)
class Step:
    """One operation that the check runs.

    Attributes:
        call: the SQL function with its arguments; `:name` is the ticket of an earlier step.
        uses: names of the indexes that it must use, so that it stays fast in a long line and after a year.
        ticket: name of its ticket for later steps; "": none.
    """

    call: str
    uses: str
    ticket: str = ""

    @property
    def name(self) -> str:
        """Name of the SQL function."""
        return self.call.partition("(")[0]


_ONE = "requests_once tickets_pkey"
STORY = (
    Step(f"join_queue({_ACTOR}, :line)", "requests_once", "first"),
    Step(f"join_queue({_ACTOR}, :line)", "requests_once idx_waiting_rank", "second"),
    Step(f"join_queue({_ACTOR}, :line, 'low')", "requests_once idx_waiting_rank", "third"),
    Step(f"join_queue({_ACTOR}, :line, 'high')", "requests_once idx_waiting_rank", "urgent"),
    Step(f"call_next_patient({_ACTOR}, :counter)", f"{_ONE} idx_unique_queue_position"),
    Step(f"recall_patient({_ACTOR}, :urgent)", _ONE),
    Step(f"finish_consultation({_ACTOR}, :urgent, 'no_show')", _ONE),
    Step(f"call_patient({_ACTOR}, :first, :counter)", _ONE),
    Step(f"finish_consultation({_ACTOR}, :first, 'completed')", _ONE),
    Step(f"undo_operation({_ACTOR}, :operation)", f"{_ONE} queue_events_pkey"),
    Step(f"park_ticket({_ACTOR}, :first)", _ONE),
    Step(f"unpark_ticket({_ACTOR}, :first)", f"{_ONE} idx_waiting_rank"),
    Step(f"set_ticket_priority({_ACTOR}, :second, 'low')", f"{_ONE} idx_waiting_rank"),
    Step(f"move_ticket({_ACTOR}, :second, 1)", f"{_ONE} idx_unique_queue_position"),
    Step(f"transfer_ticket({_ACTOR}, :second, :other, 'arrival')", f"{_ONE} idx_waiting_rank"),
    Step(f"update_ticket({_ACTOR}, :second, '{{}}')", _ONE),
    Step(f"cancel_ticket({_ACTOR}, :third)", _ONE),
    Step("queue_snapshot(:line)", "idx_parked idx_recently_called idx_missed"),
    Step("events_after(:line, 2, 5)", "queue_events_pkey tickets_pkey"),
    Step("find_ticket(:second)", "tickets_pkey"),
    Step("update_wait_times_atomic(:line)", "idx_completed"),
    Step("log_wait_outcomes(:line)", ""),
    Step("estimate_accuracy(:line, now())", "idx_wait_estimates_told"),
    Step(f"set_counter_state({_ACTOR}, :counter, 'paused')", "requests_once"),
    Step(f"set_service_state({_ACTOR}, :line, 'paused')", "requests_once"),
    Step(f"close_day({_ACTOR}, :line)", f"{_ONE} idx_parked idx_unique_queue_position"),
)


def plan_findings(engine: Engine) -> Iterator[Finding]:
    """Operations that fail or scan a table; those that need an index reported as missing are left out."""
    with engine.connect() as connection:
        try:
            missing = missing_indexes(connection)
            values = _prepare(connection)
        except DBAPIError as error:
            reason = sentence_of(error)
            yield Finding("warning", "plans", f"The operations can't be tried out on this database. {reason}")
            return
        try:
            troubles = list(_run_steps(connection, values, missing))
        finally:
            connection.rollback()
            connection.execute(text("DISCARD PLANS"))
    yield from (Finding("FAILED", "plans", trouble) for trouble in troubles)
    if not troubles:
        yield Finding("ok", "plans", "Every operation works, and finds its rows by its indexes.")


def _prepare(connection: Connection) -> dict[str, Any]:
    """Disables scans, and inserts two lines, a counter and an account into the transaction. Returns their names."""
    connection.execute(text("DISCARD PLANS"))
    connection.execute(text("".join(f"SET LOCAL enable_{way} = off;" for way in _BY_INDEX)))
    # A disabled scan raises a plan's cost so far that JIT would compile every statement, for seconds.
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
    # Negative ids: the sequences stay as they are.
    for statement in (
        "DELETE FROM closed_days WHERE service_id IS NULL",  # today may be a closed day
        "INSERT INTO services (id, code, name, prefix) OVERRIDING SYSTEM VALUE "
        "VALUES (:id, :line, 'Doctor', :prefix), (:id_b, :other, 'Doctor', :prefix_b)",
        "INSERT INTO counters (id, code, name) OVERRIDING SYSTEM VALUE VALUES (:id, :counter, 'Doctor')",
        "INSERT INTO counter_services VALUES (:id, :id, 1), (:id, :id_b, 2)",
        "INSERT INTO users (id, username, name_key, display_name, display_key, role, password_hash) "
        "OVERRIDING SYSTEM VALUE VALUES (:id, :line, :line, :line, :line, 'supervisor', '')",
    ):
        connection.execute(text(statement), values)
    return values


def _run_steps(connection: Connection, values: dict[str, Any], missing: set[str]) -> Iterator[str]:
    for number, step in enumerate(STORY):
        key = f"{values['line']}-{number}"
        before = _scans(connection)
        try:
            result = connection.execute(text(f"SELECT {step.call}"), {**values, "key": key}).scalar_one()
        except DBAPIError as error:
            yield f"{step.name} does not work. {sentence_of(error)}"
            return
        after = _scans(connection)
        scanned = {name for name, count in after.items() if count > before.get(name, 0)}
        uses = set(step.uses.split())
        if not uses & missing:
            yield from (
                f"{step.name} reads all of {table}. {_ADVICE}" for table in GROWING if table in scanned
            )
            yield from (f"{step.name} does not use {index}. {_ADVICE}" for index in sorted(uses - scanned))
        values["operation"] = key
        if step.ticket:
            values[step.ticket] = result["result"]["ticket"]["id"]


def _scans(connection: Connection) -> dict[str, int]:
    """Table or index -> number of sequential scans or index scans in this transaction."""
    query = text(
        "SELECT relname, pg_stat_get_xact_numscans(oid) FROM pg_class WHERE oid = ANY (CAST(:tables AS regclass[])) OR "
        "oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY (CAST(:indexed AS regclass[])))"
    )
    values = {"tables": list(GROWING), "indexed": [*GROWING, "wait_estimates"]}
    return {str(name): int(count) for name, count in connection.execute(query, values)}
