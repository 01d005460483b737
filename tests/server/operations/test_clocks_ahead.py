"""Clocks that were ahead and were set right: order among lines, numbers, quotas, the daily close, and the history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.client.hub_client import HubClient
from core.errors import NotUndoable
from core.line.tickets import Ticket
from server.administration import clinic_settings
from tests.support.clinic import Clinic
from tests.support.clinic_clock import LocalTime, change, end_today
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

JUMP = "interval '2 hours'"
FUTURE_LINE = (
    "UPDATE services SET last_event_at = clock_timestamp() + interval '2 hours',"
    " business_day = current_date + 1 WHERE code = 'A' RETURNING 1"
)


def jump_back(clinic: Clinic, service: str = "A") -> None:
    """Makes everything of a service look as written by a clock two hours ahead that was set right just now."""
    later = ", ".join(
        f"{column} = {column} + {JUMP}" for column in ("joined_at", "called_at", "started_at", "ended_at")
    )
    clinic.rows(
        f"UPDATE tickets SET {later}, rank_time = rank_time + {JUMP} FROM services s"
        f" WHERE s.id = service_id AND s.code = '{service}' RETURNING 1"
    )
    clinic.rows(
        "WITH off AS (SELECT set_config('session_replication_role', 'replica', true))"
        f" UPDATE queue_events e SET at = e.at + {JUMP} FROM off, services s"
        f" WHERE s.id = e.service_id AND s.code = '{service}' RETURNING 1"
    )
    clinic.rows(
        f"UPDATE services SET last_event_at = last_event_at + {JUMP} WHERE code = '{service}' RETURNING 1"
    )


async def order_of_calls(console: HubClient, counter: str, count: int) -> list[str]:
    """The numbers of the next `count` calls at a counter; each patient is completed."""
    numbers = []
    for _ in range(count):
        ticket = (await console.call_next_patient(counter)).ticket
        assert ticket is not None
        numbers.append(ticket.number)
        await console.complete(ticket.id)
    return numbers


def violations(clinic: Clinic) -> list[Any]:
    return clinic.rows("SELECT * FROM integrity_violations()")


async def test_a_line_whose_clock_was_ahead_takes_its_turn(clinic: Clinic, hub: HubProcess) -> None:
    clinic.rows(FUTURE_LINE)
    async with HubClient(hub.url, clinic.staff) as console:
        tickets = [await console.join_queue(code) for code in "ABBAB"]
        assert [ticket.number for ticket in tickets] == ["A001", "B001", "B002", "A002", "B003"]
        assert len({ticket.business_day for ticket in tickets}) == 1
        assert await order_of_calls(console, "R1", 5) == ["A001", "B001", "B002", "A002", "B003"]
    assert violations(clinic) == []


async def test_tickets_issued_meanwhile_keep_their_place(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.supervisor) as console, HubClient(hub.url, clinic.monitor) as wall:
        await console.join_queue("B")
        meanwhile = [await console.join_queue("A", priority=p) for p in ("medium", "medium", "low")]
        await console.move(meanwhile[1].id, 1)
        jump_back(clinic)
        await console.join_queue("B")
        await console.join_queue("A")
        line = await console.snapshot("A")
        assert [t.number for t in line.waiting] == ["A002", "A001", "A004", "A003"]
        assert line.waiting[0].joined_at < line.waiting[2].joined_at
        assert await order_of_calls(console, "R2", 3) == ["B001", "A002", "A001"]
        line, shown = await console.snapshot("A"), wall.replica.lines.line("A")
        await until(lambda: shown.revision == line.revision)
        assert [t.number for t in shown.recent] == [t.number for t in line.recent] == ["A001", "A002"]
    assert violations(clinic) == []


async def test_a_hub_corrects_a_line_without_any_change(clinic: Clinic, hub: HubProcess) -> None:
    """Called, parked and missed patients, too: else the wall shows for two hours who was called before."""
    async with HubClient(hub.url, clinic.supervisor) as console:
        tickets = [await console.join_queue("A") for _ in range(4)]
        await console.call_patient(tickets[0].id, "R1")
        await console.no_show(tickets[0].id)
        await console.call_patient(tickets[1].id, "R1")
        await console.park(tickets[2].id)
        jump_back(clinic)
        await until(lambda: clinic.rows("SELECT times_ahead()") == [(False,)])
        line = await console.snapshot("A")
        [now] = clinic.rows("SELECT clock_timestamp()")
        for ticket in (*line.waiting, *line.consulting, *line.recent, *line.missed, *line.parked):
            assert all(at <= now[0] for at in times_of(ticket))
        assert [t.number for t in line.recent] == ["A002", "A001"]
    assert violations(clinic) == []
    assert clinic.rows("SELECT * FROM ticket_differences()") == []


def times_of(ticket: Ticket) -> list[Any]:
    return [at for at in (ticket.joined_at, ticket.called_at, ticket.started_at, ticket.ended_at) if at]


async def test_a_transfer_back_in_time_is_sound(clinic: Clinic, hub: HubProcess) -> None:
    """The events of a transfer before and after the step are in the order of their lines, not of their times."""
    async with HubClient(hub.url, clinic.supervisor) as console:
        ticket = await console.join_queue("A")
        await console.transfer(ticket.id, "B")
        jump_back(clinic, "B")
        await console.transfer(ticket.id, "A")
        assert [t.number for t in (await console.snapshot("A")).waiting] == ["A001"]
    assert violations(clinic) == []
    assert clinic.rows("SELECT * FROM ticket_differences()") == []


async def test_a_future_business_day_heals_without_a_number_twice(clinic: Clinic, hub: HubProcess) -> None:
    change(clinic, clinic_settings.set_service, "A", {"quota": "4"})
    async with HubClient(hub.url, clinic.staff) as console, HubClient(hub.url, clinic.kiosk) as kiosk:
        today = [await console.join_queue("A") for _ in range(2)]
        clinic.rows(
            "UPDATE services SET business_day = business_day + 1, next_number = 1 WHERE code = 'A' RETURNING 1"
        )
        clinic.rows("UPDATE services SET issued = 9 WHERE code = 'A' RETURNING 1")
        await until(lambda: kiosk.replica.services[0].state == "open")
        more = [await kiosk.join_queue("A") for _ in range(2)]
        assert [t.number for t in (*today, *more)] == ["A001", "A002", "A003", "A004"]
        assert {t.business_day for t in more} == {today[0].business_day}
        await until(lambda: kiosk.replica.services[0].state == "full")
    assert violations(clinic) == []


async def test_numbers_of_a_day_that_was_seen_too_early_go_on(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        early = [await console.join_queue("A") for _ in range(3)]
        # Given while the clock was a day ahead; A has given no number today, and A001 and A002 are still in the room.
        await console.cancel(early[2].id)
        shift = "UPDATE {} SET business_day = business_day {} RETURNING 1"
        for table in ("tickets", "services"):
            clinic.rows(shift.format(table, "+ 1 WHERE business_day > '-infinity'"))
        assert (await console.join_queue("A")).number == "A003"
        # The next day, A001 to A003 of that day have been given already.
        for table in ("tickets", "services"):
            clinic.rows(shift.format(table, "- 7 WHERE business_day = business_day_now()"))
        clinic.rows(shift.format("tickets", "- 1 WHERE business_day > business_day_now()"))
        assert (await console.join_queue("A")).number == "A004"


async def test_the_close_takes_tickets_that_carry_a_later_day(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic)
    async with HubClient(hub.url, clinic.staff) as console:
        await console.join_queue("A")
        clinic.rows("UPDATE tickets SET business_day = business_day + 1 RETURNING 1")
        end_today(clinic, local)
        closed = clinic.rows("SELECT close_day_if_due('infinity')")[0][0]
        assert closed["result"]["cancelled"] == 1


async def test_a_close_of_a_future_day_does_not_spare_today(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic)
    end_today(clinic, local)
    clinic.rows("UPDATE settings SET closed_day = business_day_now() + 3 RETURNING 1")
    async with HubClient(hub.url, clinic.staff):
        await until(lambda: clinic.rows("SELECT closed_day = business_day_now() FROM settings") == [(True,)])


async def test_an_operation_of_a_future_time_can_not_be_undone_later(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as console:
        await console.join_queue("A")
        clinic.rows(f"UPDATE requests SET at = at + {JUMP} RETURNING 1")
        with pytest.raises(NotUndoable):
            await console.undo()


async def test_the_history_of_administration_steps_back_once(clinic: Clinic) -> None:
    clinic.rows("SELECT append_admin_event('test', 'test', 'test')")
    clinic.rows(
        "WITH off AS (SELECT set_config('session_replication_role', 'replica', true))"
        " UPDATE admin_events SET at = at + interval '1 day' FROM off RETURNING 1"
    )
    clinic.rows("SELECT append_admin_event('test', 'test', 'test')")
    [(ahead,)] = clinic.rows("SELECT at - clock_timestamp() FROM admin_events ORDER BY id DESC LIMIT 1")
    assert abs(ahead) < timedelta(minutes=1)
