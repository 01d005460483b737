"""Random operations on the real database, each compared with a model of lists.

Compared are results and refusals, the order of every line, each ticket's state, and the replica of a client that gets
only the events. The operations run as SQL functions, and over the wire through two hubs on one database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.line.line_store import LineStore
from core.line.tickets import Snapshot
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.line_checks import (
    expect_counters,
    expect_fairness,
    expect_history,
    expect_replica,
    expect_tables,
    without_personal,
)
from tests.support.model_clinic import ModelClinic
from tests.support.model_records import ModelCounter, ModelService, ModelTicket, Refused
from tests.support.performers import MAY, PEOPLE, Sql, Wire, actor_of, furnish
from tests.support.proof_size import LONG, proof_size

HEAD_START = timedelta(milliseconds=40)
PLACES = st.sampled_from(["first", "arrival", "last"])
PRIORITIES = st.sampled_from(["high", "medium", "low"])
_numbers = count(100)


class LineMachine(RuleBasedStateMachine):
    """An example, with three services and two counters of its own."""

    def __init__(self, performer: Sql) -> None:
        super().__init__()
        self.performer = performer
        number = next(_numbers)
        a, b, c = (f"{code}{number}" for code in "ABC")
        services = [
            ModelService(a),
            ModelService(b, head_start=HEAD_START, no_shows=2),
            ModelService(c, no_shows=3, quota=6),
        ]
        counters = [
            ModelCounter(f"R{number}", (a, b)),
            ModelCounter(f"S{number}", (b, c, a), rule="in_order"),
        ]
        self.model = ModelClinic(services, counters, {actor_of(person) for person in PEOPLE[1:]})
        furnish(performer.clinic, number, self.model)
        self.replica = LineStore()
        for code in self.model.services:
            empty = Snapshot(service=code, epoch="e", revision=0, open=True, as_of=datetime.now(UTC))
            self.replica.apply_snapshot(empty)
        self.done: list[tuple[str, str, str, dict[str, Any], Any]] = []
        self.service_codes = st.sampled_from([*self.model.services] * 8 + ["unknown"])
        self.counter_codes = st.sampled_from([*self.model.counters] * 8 + ["unknown"])

    def act(
        self,
        data: st.DataObject,
        method: str,
        params: dict[str, Any],
        expected: Callable[..., Any],
        *arguments: Any,
        person: str | None = None,
    ) -> None:
        """Performs an operation in the model and in the database: both succeed, or both refuse for the same reason."""
        person = person or data.draw(st.sampled_from(MAY.get(method, PEOPLE)), "person")
        key, wanted, refused = str(uuid4()), None, None
        try:
            wanted = expected(actor_of(person), key, *arguments)
        except Refused as error:
            refused = str(error)
        if refused is not None:
            with pytest.raises(Refused, match=refused):
                self.performer.perform(person, method, key, params)
            return
        result = self.performer.perform(person, method, key, params)
        if method == "queue.call_next":
            assert (result["ticket"] or {}).get("id") == wanted
        if method == "services.close_day":
            assert [ticket["number"] for ticket in result["consulting"]] == wanted
        self.done.append((person, method, key, params, result))

    def ticket(self, data: st.DataObject, *statuses: str) -> str:
        """The id of a ticket, mostly with a fitting status, seldom of a ticket that does not exist."""
        known = list(self.model.tickets)
        fitting = [t.id for t in self.model.tickets.values() if t.status in statuses]
        several = 1 + 3 * len(known) // max(1, len(fitting))
        return data.draw(st.sampled_from([*fitting * several, *known, str(uuid4())]), "ticket")

    @initialize(
        data=st.data(), tickets=st.lists(st.tuples(st.integers(0, 2), PRIORITIES), min_size=6, max_size=20)
    )
    def the_day_begins(self, data: st.DataObject, tickets: list[tuple[int, str]]) -> None:
        """Some patients wait already."""
        for place, priority in tickets:
            self.issue("staff", [*self.model.services][place], priority)

    @rule(data=st.data(), priority=PRIORITIES)
    def join(self, data: st.DataObject, priority: str) -> None:
        self.issue(
            data.draw(st.sampled_from(PEOPLE), "person"), data.draw(self.service_codes, "service"), priority
        )

    def issue(self, person: str, service: str, priority: str) -> None:
        """Issues a ticket, or expects the refusal of the model."""
        key, params = str(uuid4()), {"service": service, "priority": priority}
        try:
            self.model.check_join(service)
        except Refused as refused:
            with pytest.raises(Refused, match=str(refused)):
                self.performer.perform(person, "tickets.join", key, params)
            return
        result = self.performer.perform(person, "tickets.join", key, params)
        issued = result["ticket"]
        joined_at = datetime.fromisoformat(issued["joined_at"])
        ticket = ModelTicket(issued["id"], issued["number"], service, priority, joined_at, (0, joined_at))
        self.model.join(actor_of(person), key, ticket)
        assert issued["position"] == self.model.services[service].line.index(issued["id"]) + 1
        self.done.append((person, "tickets.join", key, params, result))

    @rule(data=st.data())
    def serve(self, data: st.DataObject) -> None:
        """The usual call of staff: completes the patient at the counter and calls the next."""
        counter = data.draw(self.counter_codes, "counter")
        self.call_next_at(data, counter, next(iter(self.at(counter)), None))

    @rule(data=st.data(), completes=st.booleans())
    def call_next(self, data: st.DataObject, completes: bool) -> None:
        """Calls the next patient and completes no ticket, or any ticket."""
        counter = data.draw(self.counter_codes, "counter")
        self.call_next_at(data, counter, self.ticket(data) if completes else None)

    def call_next_at(self, data: st.DataObject, counter: str, complete: str | None) -> None:
        params = {"counter": counter, "complete": complete}
        self.act(data, "queue.call_next", params, self.model.call_next, counter, complete)

    def at(self, counter: str) -> list[str]:
        """The tickets at a counter."""
        return [t.id for t in self.model.tickets.values() if (t.status, t.counter) == ("consulting", counter)]

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        ticket = self.ticket(data, "waiting", "parked", "no_show")
        counter = data.draw(self.counter_codes, "counter")
        self.act(data, "queue.call", {"ticket": ticket, "counter": counter}, self.model.call, ticket, counter)

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data())
    def recall(self, data: st.DataObject) -> None:
        ticket = self.ticket(data, "consulting")
        self.act(data, "queue.recall", {"ticket": ticket}, self.model.recall, ticket)

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        ticket = self.ticket(data, "consulting")
        self.act(data, "queue.complete", {"ticket": ticket}, self.model.finish, ticket, "completed")

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data())
    def no_show(self, data: st.DataObject) -> None:
        ticket = self.ticket(data, "consulting")
        self.act(data, "queue.no_show", {"ticket": ticket}, self.model.finish, ticket, "no_show")

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data())
    def park(self, data: st.DataObject) -> None:
        ticket = self.ticket(data, "waiting", "consulting")
        self.act(data, "queue.park", {"ticket": ticket}, self.model.park, ticket)

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data(), place=PLACES)
    def unpark(self, data: st.DataObject, place: str) -> None:
        ticket = self.ticket(data, "parked", "no_show")
        self.act(data, "queue.unpark", {"ticket": ticket, "place": place}, self.model.unpark, ticket, place)

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data(), place=PLACES)
    def transfer(self, data: st.DataObject, place: str) -> None:
        ticket = self.ticket(data, "waiting", "consulting", "parked")
        service = data.draw(self.service_codes, "service")
        params = {"ticket": ticket, "service": service, "place": place}
        self.act(data, "queue.transfer", params, self.model.transfer, ticket, service, place)

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data(), priority=PRIORITIES)
    def set_priority(self, data: st.DataObject, priority: str) -> None:
        ticket = self.ticket(data, "waiting", "parked")
        params = {"ticket": ticket, "priority": priority}
        self.act(data, "queue.set_priority", params, self.model.set_priority, ticket, priority)

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data(), position=st.integers(1, 9))
    def move(self, data: st.DataObject, position: int) -> None:
        ticket = self.ticket(data, "waiting")
        params = {"ticket": ticket, "position": position}
        self.act(data, "queue.move", params, self.model.move, ticket, position)

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        ticket = self.ticket(data, "waiting", "parked")
        self.act(data, "tickets.cancel", {"ticket": ticket}, self.model.cancel, ticket)

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        ticket = self.ticket(data, "waiting", "consulting", "parked")
        params = {"ticket": ticket, "note": "x"}
        self.act(data, "tickets.update", params, lambda *_: self.model.update(ticket))

    @precondition(lambda self: self.model.last)
    @rule(data=st.data(), own=st.booleans())
    def undo(self, data: st.DataObject, own: bool) -> None:
        """Undoes a person's own last operation, or any operation as any person."""
        actor = data.draw(st.sampled_from(sorted(self.model.last)), "actor")
        key = self.model.last[actor].key if own else data.draw(st.sampled_from(self.done), "operation")[2]
        self.keep_undoable()
        self.act(
            data,
            "queue.undo",
            {"operation": key},
            lambda actor, _: self.model.undo(actor, key),
            person=next(person for person in PEOPLE if actor_of(person) == actor) if own else None,
        )

    def keep_undoable(self) -> None:
        """Renews the time of each last operation: on a slow machine it may be ten seconds old before its undo."""
        recent = [last.key for last in self.model.last.values() if not last.expired]
        query = "UPDATE requests SET at = clock_timestamp() WHERE key = ANY (%s)"
        self.performer.connection.execute(query, (recent,))

    @precondition(lambda self: self.done)
    @rule()
    def ten_seconds_pass(self) -> None:
        """Makes all operations too old to be undone."""
        self.performer.connection.execute("UPDATE requests SET at = at - interval '11 seconds'")
        for last in self.model.last.values():
            last.expired = True

    @rule(data=st.data(), state=st.sampled_from(["open"] * 6 + ["paused", "closed"]))
    def set_service_state(self, data: st.DataObject, state: str) -> None:
        service = data.draw(self.service_codes, "service")
        self.act(
            data,
            "services.state",
            {"service": service, "state": state},
            lambda *_: self.model.set_service_state(service, state),
        )

    @rule(data=st.data(), state=st.sampled_from(["open"] * 6 + ["paused", "closed"]))
    def set_counter_state(self, data: st.DataObject, state: str) -> None:
        counter = data.draw(self.counter_codes, "counter")
        self.act(
            data,
            "counters.state",
            {"counter": counter, "state": state},
            lambda actor, _: self.model.set_counter_state(actor, counter, state),
        )

    @precondition(lambda self: self.model.step % 9 == 0)
    @rule(data=st.data())
    def close_day(self, data: st.DataObject) -> None:
        service = data.draw(self.service_codes, "service")
        self.act(data, "services.close_day", {"service": service}, lambda *_: self.model.close_day(service))

    @precondition(lambda self: self.done)
    @rule(data=st.data(), other=st.booleans())
    def repeat_key(self, data: st.DataObject, other: bool) -> None:
        """Repeats a key: the first result and no change, or a refusal if the parameters differ."""
        person, method, key, params, first = data.draw(st.sampled_from(self.done), "request")
        if other:
            params = {"service": next(iter(self.model.services)), "patient_name": "Another patient"}
            with pytest.raises(Refused, match="key_conflict"):
                self.performer.perform(person, "tickets.join", key, params)
            return
        again = self.performer.perform(person, method, key, params)
        if "ticket" in first:
            assert without_personal(again["ticket"]) == without_personal(first["ticket"])

    @invariant()
    def everything_agrees(self) -> None:
        """The tables, the replica and the fairness of the line agree with the model."""
        expect_tables(self.performer.connection, self.model)
        expect_replica(self.performer.connection, self.model, self.replica)
        expect_fairness(self.performer.connection, self.model)

    def teardown(self) -> None:
        expect_counters(self.performer.connection, self.model)


def run_machine(performer: Sql, examples: int, steps: int) -> None:
    """Runs `examples` examples of `steps` steps."""
    try:
        run_state_machine_as_test(
            partial(LineMachine, performer),  # type: ignore[arg-type]
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                derandomize=not LONG,
                phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        expect_history(performer.connection)
    finally:
        performer.close()


def test_every_operation_agrees_with_the_model(clinic: Clinic) -> None:
    run_machine(Sql(clinic), examples=proof_size(15, 250), steps=proof_size(45, 60))


def test_every_operation_over_the_wire_of_two_hubs_agrees_with_the_model(
    clinic: Clinic, hub: HubProcess
) -> None:
    other = HubProcess(clinic.database_url)
    try:
        with asyncio.Runner() as runner:
            run_machine(
                Wire(clinic, [hub, other], runner), examples=proof_size(8, 100), steps=proof_size(25, 60)
            )
    finally:
        other.terminate()
