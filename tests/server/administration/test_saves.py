"""Administration over the wire and on the command line: versions, conflicts, names, retired services, passwords."""

from __future__ import annotations

import pytest

from core.client.hub_client import HubClient
from core.errors import (
    AlreadyTaken,
    CounterBusy,
    EditConflict,
    HubError,
    InvalidParams,
    LastAdmin,
    PasswordExpired,
    ServiceBusy,
    Unauthenticated,
    UnknownService,
)
from core.wire.session import ConnectionState, PersonCredentials
from server.administration import clinic_settings, people_and_devices
from tests.support.clinic import PASSWORD, Clinic
from tests.support.clinic_clock import LocalTime, business_days, change
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

ADMIN = PersonCredentials("admin", PASSWORD)


async def test_of_two_administrators_one_wins_and_the_other_is_told(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as first, HubClient(hub.url, ADMIN) as second:
        read = await second.service_settings("A")
        saved = await first.save_service(
            "A", read.version, {"name": "See a nurse", "hours": "sat 09:00-12:00"}
        )
        with pytest.raises(EditConflict) as refused:
            await second.save_service("A", read.version, {"quota": 40})
        assert refused.value.data["version"] == saved.version == read.version + 1
        assert refused.value.data["by"] == "admin"
        assert refused.value.data["changes"] == {
            "name": ["See a doctor", "See a nurse"],
            "hours": ["always", "sat 09:00-12:00"],
        }
        now = await second.save_service("A", saved.version, {"quota": 40})
    assert (now.name, now.quota, now.hours) == ("See a nurse", 40, "sat 09:00-12:00")


async def test_a_conflict_sums_up_what_changed_since(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as client:
        read = await client.counter_settings("R1")
        change(clinic, clinic_settings.set_counter, "R1", {"name": "Desk 1", "rule": "in_order"})
        change(clinic, clinic_settings.set_counter, "R1", {"name": "Room 1", "rule": "best_rank"})
        with pytest.raises(EditConflict) as refused:
            await client.save_counter("R1", read.version, {"sign": "1"})
    assert refused.value.data["changes"] == {"name": ["Counter 1", "Room 1"]}
    assert refused.value.data["by"] == "command line"


async def test_a_save_without_a_change_makes_no_version(clinic: Clinic, hub: HubProcess) -> None:
    events = "SELECT count(*) FROM admin_events WHERE kind = 'service_set'"
    async with HubClient(hub.url, ADMIN) as client:
        read = await client.service_settings("A")
        assert await client.save_service("A", read.version, {"name": read.name, "pace": read.pace}) == read
    assert clinic.rows(events) == [(0,)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"name": "BLOOD  TESTS", "prefix": "X"}, "name"), ({"name": "X-ray", "prefix": "B"}, "prefix")],
)
async def test_what_is_taken_is_named(
    clinic: Clinic, hub: HubProcess, changes: dict[str, str], field: str
) -> None:
    async with HubClient(hub.url, ADMIN) as client:
        with pytest.raises(AlreadyTaken) as refused:
            await client.save_service("X", 0, changes)
        assert refused.value.data["field"] == field
        with pytest.raises(AlreadyTaken) as refused:
            await client.save_service("A", 0, {"name": "Another", "prefix": "X"})
        assert refused.value.data["field"] == "code"


async def test_a_wrong_field_is_refused_with_its_path(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as client:
        for field, value in (
            ("name", " \u3164 "),
            ("icon", "banana"),
            ("hours", "sat 9-12"),
            ("prefix", "Ä"),
            ("where", {"de": "Zeile\nzwei"}),
        ):
            with pytest.raises(InvalidParams) as refused:
                await client.save_service("A", 1, {field: value})
            assert refused.value.data["path"] == f"$.changes.{field}"
        assert (await client.service_settings("A")).version == 1


async def test_a_prefix_changes_with_the_next_business_day(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic)
    async with HubClient(hub.url, ADMIN) as client:
        with business_days(clinic, local) as begin_today:
            assert (await client.join_queue("A")).number == "A001"
            saved = await client.save_service("A", 1, {"prefix": "D"})
            assert (saved.prefix, (await client.join_queue("A")).number) == ("D", "A002")
            begin_today()
            assert (await client.join_queue("A")).number == "D003"


async def test_a_retired_service_keeps_its_past_and_frees_its_code(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as client:
        first = await client.join_queue("A")
        with pytest.raises(ServiceBusy):
            await client.retire_service("A", 1)
        assert (await client.retire_service("A", 1, move_to="B")).moved == 1
        assert [ticket.id for ticket in (await client.snapshot("B")).waiting] == [first.id]
        with pytest.raises(UnknownService):
            await client.join_queue("A")
        assert [service.code for service in await client.list_services()] == ["B", "C"]
        assert (await client.counter_settings("R1")).services == ("B",)
        with pytest.raises(AlreadyTaken, match="retired today"):
            await client.save_service("A", 0, {"name": "Dentist"})
        clinic.rows("UPDATE services SET retired_on = retired_on - 1 WHERE code = 'A' RETURNING 1")
        assert (await client.save_service("A", 0, {"name": "Dentist"})).version == 1
    assert clinic.rows("SELECT * FROM integrity_violations()") == []
    assert clinic.rows("SELECT * FROM broken_links()") == []


async def test_a_counter_with_a_patient_is_not_retired(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as client:
        await client.join_queue("A")
        called = await client.call_next_patient("R1")
        with pytest.raises(CounterBusy):
            await client.retire_counter("R1", 1)
        assert called.ticket is not None
        await client.complete(called.ticket.id)
        await client.retire_counter("R1", 1)
        assert [counter.code for counter in await client.list_counters()] == ["R2"]


async def test_the_order_of_services_is_that_of_the_list(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as client:
        assert await client.order_services(["C", "A"]) == ("C", "A", "B")
        assert [service.code for service in await client.list_services()] == ["C", "A", "B"]


async def test_the_head_start_of_a_line_does_not_change_under_those_who_wait(
    clinic: Clinic, hub: HubProcess
) -> None:
    async with HubClient(hub.url, ADMIN) as client:
        await client.join_queue("A")
        with pytest.raises(ServiceBusy, match="1 person waits for See a doctor"):
            await client.save_service("A", 1, {"head_start": 5})


async def test_a_new_order_is_a_change_of_each_moved_service(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as client:
        await client.order_services(["B", "A"])
        with pytest.raises(EditConflict) as conflict:
            await client.save_service("A", 1, {"order": 7})
        assert conflict.value.data["changes"] == {"order": [0, 1]}
        assert conflict.value.data["by"] == "admin"
        assert (await client.service_settings("C")).version == 1


@pytest.mark.parametrize("name", ["İbrahim", "ΟΔΥΣΣΕΥΣ", "Ünal Öz", "Zoë"])
async def test_a_name_in_any_spelling_signs_in_and_is_disabled(
    clinic: Clinic, hub: HubProcess, name: str
) -> None:
    change(clinic, people_and_devices.add_user, name, "staff", PASSWORD)
    [listed] = change(
        clinic,
        lambda engine: [u for u in people_and_devices.list_users(engine) if u.startswith(name)],
    )
    async with HubClient(hub.url, PersonCredentials(f" {name.lower()}  ".upper(), PASSWORD)):
        pass
    with pytest.raises(Exception, match="already an account"):
        change(clinic, people_and_devices.add_user, f" {name.upper()}", "staff", PASSWORD)
    change(clinic, people_and_devices.disable_user, listed.split("\t")[0])
    with pytest.raises(Unauthenticated):
        async with HubClient(hub.url, PersonCredentials(name, PASSWORD)):
            pass
    change(clinic, people_and_devices.enable_user, listed.split("\t")[3])
    async with HubClient(hub.url, PersonCredentials(name, PASSWORD)):
        pass


async def test_a_reset_password_is_changed_at_the_next_sign_in(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as admin, HubClient(hub.url, clinic.staff) as desk:
        assert (await admin.set_password("STAFF", "known to two")).must_change_password
        await until(lambda: desk.state is not ConnectionState.LIVE)
        with pytest.raises(Unauthenticated):
            async with HubClient(hub.url, clinic.staff):
                pass
        with pytest.raises(PasswordExpired):
            async with HubClient(hub.url, PersonCredentials("staff", "known to two")):
                pass
        async with HubClient(hub.url, PersonCredentials("staff", "known to two", "my own horse")):
            pass
        async with HubClient(hub.url, PersonCredentials("staff", "my own horse")) as again:
            with pytest.raises(HubError, match="wrong"):
                await again.set_own_password("known to two", PASSWORD)
            assert not (await again.set_own_password("my own horse", PASSWORD)).must_change_password
            assert again.state is ConnectionState.LIVE
    async with HubClient(hub.url, clinic.staff):
        pass


async def test_the_last_administrator_stays(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, ADMIN) as admin:
        with pytest.raises(LastAdmin):
            await admin.disable_user("admin")
        with pytest.raises(LastAdmin):
            await admin.save_user("admin", 1, {"role": "staff"})
        await admin.save_user("Zoë", 0, {"role": "admin", "password": PASSWORD})
    async with HubClient(hub.url, PersonCredentials("zoë", PASSWORD)) as other:
        assert (await other.disable_user("admin")).disabled


async def test_a_site_whose_close_has_passed_empties_no_room(clinic: Clinic, hub: HubProcess) -> None:
    local = LocalTime(clinic, hour=14)
    change(clinic, clinic_settings.set_site, {"day_closes": "23:59"})
    async with HubClient(hub.url, ADMIN) as admin:
        await admin.join_queue("A")
        version = (await admin.site_settings()).version
        await admin.save_site(version, {"day_closes": local.clock(minutes=-30)})
        due = "SELECT ended_business_day(clock_timestamp()) > closed_day FROM settings"
        assert clinic.rows(due) == [(False,)]
        assert len((await admin.snapshot("A")).waiting) == 1


async def test_windows_follow_the_site_and_new_fields(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.monitor) as wall, HubClient(hub.url, ADMIN) as admin:
        change(clinic, clinic_settings.set_site, {"name": "Northgate", "languages": "de, en"})
        await until(lambda: wall.hello is not None and wall.hello.site.name == "Northgate")
        assert wall.hello is not None
        assert wall.hello.site.languages == ("de", "en")
        await admin.save_counter("R1", 1, {"sign": "12", "place": {"de": "Erster Stock"}})
        await admin.save_service("A", 1, {"group": "Doctors", "wait_target": 30, "where": {"en": "Hall"}})
        await until(lambda: [c.sign for c in wall.replica.counters] == ["12", None])
        await until(lambda: wall.replica.services[0].group == "Doctors")
        assert wall.replica.services[0].where == {"en": "Hall"}


async def test_a_patients_texts_are_cleaned_or_refused(clinic: Clinic, hub: HubProcess) -> None:
    async with HubClient(hub.url, clinic.staff) as desk:
        ticket = await desk.join_queue("A", patient_name="  Zoe\u0308  Berg ")
        assert ticket.patient_name == "Zoë Berg"
        for name, why in (("\u3164", "empty"), ("a\u202eb", "direction"), ("x" * 101, "length")):
            with pytest.raises(InvalidParams, match=why) as refused:
                await desk.update_ticket(ticket.id, patient_name=name)
            assert refused.value.data["path"] == "$.patient_name"
        with pytest.raises(InvalidParams):
            await desk.park(ticket.id, "line\nbreak")
        noted = await desk.update_ticket(ticket.id, note="one\ntwo")
    assert (noted.note, noted.patient_name) == ("one\ntwo", "Zoë Berg")
