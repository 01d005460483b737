"""A model of a clinic with lists, without slots and locks, to which the database is compared.

Every method does what docs/clients.md says of its operation, or raises `Refused` with the reason. It knows nothing of
the SQL: places are list indices, and a rank is compared with all others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.model_records import ModelCounter, ModelService, ModelTicket, Refused, Undo

ALIVE = ("waiting", "consulting", "parked")


class ModelClinic:
    """The clinic. `step` counts the successful operations; `supervisors` may act at counters held by others."""

    def __init__(
        self, services: list[ModelService], counters: list[ModelCounter], supervisors: set[str]
    ) -> None:
        self.supervisors = supervisors
        self.services = {service.code: service for service in services}
        self.counters = {counter.code: counter for counter in counters}
        self.tickets: dict[str, ModelTicket] = {}
        self.last: dict[str, Undo] = {}
        self.step = 0

    # The operations, by their names on the wire.

    def check_join(self, service: str) -> None:
        line = self._service(service)
        _expect(line.state == "open", "service_closed")
        _expect(line.quota is None or line.issued < line.quota, "service_full")

    def join(self, actor: str, key: str, issued: ModelTicket) -> None:
        """Adds the ticket that the database issued: only its number and time are not the model's."""
        line = self._service(issued.service)
        issued.rank = line.rank(issued.priority, issued.joined_at)
        line.issued += 1
        self.tickets[issued.id] = issued
        self._enter(issued, self._place_of_rank(line, issued))
        self._done(actor, key, [(issued.id, None, None)])

    def call_next(self, actor: str, key: str, counter: str, complete: str | None) -> str | None:
        found = self._take_counter(actor, counter)
        _expect(found.state == "open", "counter_closed")
        undo = []
        at_counter = self._at(counter)
        if complete is not None:
            _expect(at_counter is not None and at_counter.id == complete, "not_consulting")
            assert at_counter is not None
        else:
            _expect(at_counter is None, "counter_busy")
        heads = [
            self.tickets[self.services[code].line[0]] for code in found.services if self.services[code].line
        ]
        _expect(bool(heads) or complete is not None, "queue_empty")
        if at_counter is not None:
            undo.append(self._before(at_counter))
            at_counter.status = "completed"
        found.holder = found.holder or actor
        called = min(heads, key=lambda t: self._urgency(found, t), default=None)
        if called is not None:
            undo.append(self._before(called))
            self._seat(called, counter)
        self._done(actor, key, undo)
        return called.id if called else None

    def call(self, actor: str, key: str, ticket: str, counter: str) -> None:
        _expect(counter in self.counters, "unknown_counter")
        called = self._ticket(ticket)
        found = self._take_counter(actor, counter)
        _expect(found.state == "open", "counter_closed")
        _expect(called.status in ("waiting", "parked", "no_show"), "not_waiting")
        _expect(self._at(counter) is None, "counter_busy")
        found.holder = found.holder or actor
        undo = self._before(called)
        self._seat(called, counter)
        self._done(actor, key, [undo])

    def recall(self, actor: str, key: str, ticket: str) -> None:
        found = self._consulting(ticket)
        self._expect_own(actor, found)
        undo = self._before(found)
        found.calls += 1
        self._done(actor, key, [undo])

    def finish(self, actor: str, key: str, ticket: str, status: str) -> None:
        found = self._consulting(ticket)
        self._expect_own(actor, found)
        undo = self._before(found)
        found.no_shows += status == "no_show"
        if status == "no_show" and found.no_shows < self.services[found.service].no_shows:
            found.counter = None
            self._stand(found, "last")
        else:
            found.status = status
        self._done(actor, key, [undo])

    def park(self, actor: str, key: str, ticket: str) -> None:
        found = self._in_status(ticket, "waiting", "consulting")
        self._expect_own(actor, found)
        undo = self._before(found)
        self._leave(found)
        found.status, found.counter = "parked", None
        self._done(actor, key, [undo])

    def unpark(self, actor: str, key: str, ticket: str, place: str) -> None:
        found = self._in_status(ticket, "parked", "no_show")
        undo = self._before(found)
        found.counter = None
        self._stand(found, place)
        self._done(actor, key, [undo])

    def transfer(self, actor: str, key: str, ticket: str, service: str, place: str) -> None:
        found = self._ticket(ticket)
        target = self._service(service)
        _expect(found.status in ALIVE, "not_waiting")
        self._expect_own(actor, found)
        _expect(target.state != "closed", "service_closed")
        undo = self._before(found)
        self._leave(found)
        found.service, found.counter, found.calls, found.no_shows = service, None, 0, 0
        self._stand(found, place)
        self._done(actor, key, [undo])

    def set_priority(self, actor: str, key: str, ticket: str, priority: str) -> None:
        found = self._in_status(ticket, "waiting", "parked")
        undo = self._before(found)
        found.priority = priority
        if found.status == "waiting":
            self._leave(found)
            self._stand(found, "arrival")
        self._done(actor, key, [undo])

    def move(self, actor: str, key: str, ticket: str, position: int) -> None:
        found = self._in_status(ticket, "waiting")
        undo = self._before(found)
        line = self.services[found.service].line
        stood = line.index(ticket)
        place = min(position, len(line)) - 1
        if place != stood:
            line.remove(ticket)
            neighbour = line[place] if place < len(line) else line[-1]
            found.rank = self.tickets[neighbour].rank
            line.insert(place, ticket)
        self._done(actor, key, [undo])

    def cancel(self, actor: str, key: str, ticket: str) -> None:
        found = self._in_status(ticket, "waiting", "parked")
        undo = self._before(found)
        self._leave(found)
        found.status = "cancelled"
        self._done(actor, key, [undo])

    def update(self, ticket: str) -> None:
        found = self._ticket(ticket)
        self.step += 1
        found.touched = self.step

    def undo(self, actor: str, operation: str) -> None:
        last = self.last.get(actor)
        _expect(last is not None and last.key == operation and not last.expired, "not_undoable")
        assert last is not None
        for ticket, was, _ in last.tickets:
            _expect(self.tickets[ticket].touched == last.step, "not_undoable")
            if was is not None and was.status == "consulting":
                self._expect_counter_waits(actor, str(was.counter), [ticket for ticket, _, _ in last.tickets])
        for ticket, was, place in reversed(last.tickets):
            self._take_back(ticket, was, place)
        self.step += 1
        for ticket, _, _ in last.tickets:
            self.tickets[ticket].touched = self.step

    def set_service_state(self, service: str, state: str) -> None:
        self._service(service).state = state

    def set_counter_state(self, actor: str, counter: str, state: str) -> None:
        found = self._take_counter(actor, counter)
        _expect(state != "closed" or self._at(counter) is None, "counter_busy")
        found.state = state
        found.holder = None if state == "closed" else actor if state == "open" else found.holder or actor

    def close_day(self, service: str) -> list[str]:
        """Cancels waiting and parked tickets; returns the numbers of the open consultations."""
        line = self._service(service)
        line.line.clear()
        self.step += 1
        for ticket in self.tickets.values():
            if ticket.service == service and ticket.status in ("waiting", "parked"):
                ticket.status, ticket.touched = "cancelled", self.step
        return sorted(
            t.number for t in self.tickets.values() if t.service == service and t.status == "consulting"
        )

    # Parts of the operations.

    def _service(self, code: str) -> ModelService:
        _expect(code in self.services, "unknown_service")
        return self.services[code]

    def _ticket(self, ticket: str) -> ModelTicket:
        _expect(ticket in self.tickets, "ticket_not_found")
        return self.tickets[ticket]

    def _in_status(self, ticket: str, *wanted: str) -> ModelTicket:
        found = self._ticket(ticket)
        _expect(found.status in wanted, "not_waiting")
        return found

    def _consulting(self, ticket: str) -> ModelTicket:
        found = self._ticket(ticket)
        _expect(found.status == "consulting", "not_consulting")
        return found

    def _take_counter(self, actor: str, counter: str) -> ModelCounter:
        _expect(counter in self.counters, "unknown_counter")
        found = self.counters[counter]
        _expect(actor in self.supervisors or found.holder in (None, actor), "counter_taken")
        return found

    def _expect_own(self, actor: str, ticket: ModelTicket) -> None:
        if ticket.status == "consulting":
            self._take_counter(actor, str(ticket.counter))

    def _at(self, counter: str) -> ModelTicket | None:
        at = [t for t in self.tickets.values() if t.status == "consulting" and t.counter == counter]
        return at[0] if at else None

    def _urgency(self, counter: ModelCounter, ticket: ModelTicket) -> tuple[Any, ...]:
        order = counter.services.index(ticket.service)
        rank_class, time = ticket.rank
        return (rank_class, order, time) if counter.rule == "in_order" else (rank_class, time, order)

    def _seat(self, ticket: ModelTicket, counter: str) -> None:
        self._leave(ticket)
        ticket.status, ticket.counter = "consulting", counter
        ticket.calls += 1

    def _leave(self, ticket: ModelTicket) -> None:
        if ticket.status == "waiting":
            self.services[ticket.service].line.remove(ticket.id)

    def _stand(self, ticket: ModelTicket, place: str) -> None:
        """Puts the ticket into its service's line: first, last (with the neighbour's rank), or by its own rank."""
        service = self.services[ticket.service]
        ticket.status = "waiting"
        if place == "arrival" or not service.line:
            ticket.rank = service.rank(ticket.priority, ticket.joined_at)
            self._enter(ticket, self._place_of_rank(service, ticket))
        else:
            at = 0 if place == "first" else len(service.line)
            ticket.rank = self.tickets[service.line[min(at, len(service.line) - 1)]].rank
            self._enter(ticket, at)

    def _place_of_rank(self, service: ModelService, ticket: ModelTicket) -> int:
        return sum(self.tickets[other].rank <= ticket.rank for other in service.line)

    def _enter(self, ticket: ModelTicket, place: int) -> None:
        self.services[ticket.service].line.insert(place, ticket.id)

    def _before(self, ticket: ModelTicket) -> tuple[str, ModelTicket | None, int | None]:
        place = self.services[ticket.service].line.index(ticket.id) if ticket.status == "waiting" else None
        return ticket.id, replace(ticket), place

    def _done(self, actor: str, key: str, undo: list[tuple[str, ModelTicket | None, int | None]]) -> None:
        self.step += 1
        for ticket, _, _ in undo:
            self.tickets[ticket].touched = self.step
        self.last[actor] = Undo(key, undo, self.step)

    def _expect_counter_waits(self, actor: str, counter: str, leaving: list[str]) -> None:
        at = self._at(counter)
        _expect(at is None or at.id in leaving, "not_undoable")
        found = self.counters[counter]
        _expect(found.state != "closed" and found.holder in (None, actor), "not_undoable")

    def _take_back(self, ticket: str, was: ModelTicket | None, place: int | None) -> None:
        now = self.tickets[ticket]
        self._leave(now)
        if was is None:
            now.status = "cancelled"
            self.services[now.service].issued -= 1
            return
        self.tickets[ticket] = now = replace(was)
        if now.status == "waiting":
            assert place is not None
            line = self.services[now.service].line
            better = sum(self.tickets[other].rank < now.rank for other in line)
            self._enter(now, min(max(place, better), self._place_of_rank(self.services[now.service], now)))


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Refused(otherwise)
