"""`inturn-hub doctor` finds nothing in a sound clinic, and exactly the thing that is out of order otherwise."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from core.settings import Settings
from server.administration import clinic_settings
from server.checks import hub_health
from server.checks.database_health import Thresholds
from server.checks.doctor import examine, hub_address, local_now
from server.checks.finding import Finding
from server.checks.schema_objects import CONSTRAINTS, DOMAINS, INDEXES, TRIGGERS, UNIQUE_INDEXES, named
from tests.support.clinic import Clinic
from tests.support.command import inturn_hub
from tests.support.hub_process import HubProcess
from tests.support.older_schemas import make_older
from tests.support.waiting import until

CHECKS = ["database", "schema", "constraints", "indexes", "triggers", "functions", "role", "plans"]
CHECKS += ["services", "locks", "transactions", "clock", "disk", "hub", "websocket"]


@pytest.fixture
def engine(clinic: Clinic) -> Iterator[Engine]:
    engine = clinic.engine()
    clinic_settings.set_counter(engine, "R2", {"services": "B,A,C"})
    yield engine
    engine.dispose()


def troubles(engine: Engine, hub: HubProcess, limits: Thresholds | None = None) -> list[Finding]:
    """The findings that are not ok."""
    return [finding for finding in examine(engine, hub.url, None, limits) if finding.level != "ok"]


def only_text(found: list[Finding]) -> str:
    """The text of the only finding, as it is printed."""
    [finding] = found
    return " ".join(str(finding).split())


def test_a_sound_clinic_has_no_findings(engine: Engine, hub: HubProcess) -> None:
    before = database_content(engine)
    found = list(examine(engine, hub.url, None))
    assert [(finding.level, finding.check) for finding in found] == [("ok", check) for check in CHECKS]
    assert database_content(engine) == before


def database_content(engine: Engine) -> list[object]:
    """All rows and sequences: an operation of the check that was not rolled back would change them."""
    tables = (
        "services",
        "counters",
        "users",
        "tickets",
        "queue_events",
        "requests",
        "admin_events",
        "settings",
    )
    sequences = (
        "SELECT relname, pg_sequence_last_value(oid) FROM pg_class WHERE relkind = 'S' ORDER BY relname"
    )
    with engine.connect() as connection:
        rows = [connection.execute(text(f"SELECT t::text FROM {t} t ORDER BY 1")).all() for t in tables]
        return [*rows, connection.execute(text(sequences)).all()]


def test_the_checks_list_every_object_of_the_migrations(clinic: Clinic) -> None:
    def pairs(query: str) -> set[tuple[str, str]]:
        return {(table, name) for table, name in clinic.rows(query)}

    ours = "IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
    assert named(CONSTRAINTS) == pairs(
        f"SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE conrelid {ours} AND contype <> 'n' "
        "AND conname <> 'alembic_version_pkc'"
    )
    assert named(DOMAINS) == pairs(
        "SELECT contypid::regtype::text, conname FROM pg_constraint WHERE contypid <> 0 "
        "AND connamespace = 'public'::regnamespace"
    )
    indexes = (
        "SELECT indexrelid::regclass::text FROM pg_index "
        f"WHERE indrelid {ours} AND indexrelid NOT IN (SELECT conindid FROM pg_constraint) AND "
    )
    assert {(name,) for name in INDEXES} == set(clinic.rows(indexes + "NOT indisunique"))
    assert {(name,) for name in UNIQUE_INDEXES} == set(clinic.rows(indexes + "indisunique"))
    assert named(TRIGGERS) == pairs(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
    )


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            "ALTER TABLE tickets DROP CONSTRAINT chk_positive_queue_position",
            "FAILED constraints chk_positive_queue_position of tickets is missing.",
        ),
        (
            "ALTER TABLE tickets DROP CONSTRAINT idx_unique_queue_position",
            "FAILED constraints idx_unique_queue_position of tickets is missing.",
        ),
        (
            "ALTER TABLE tickets DROP CONSTRAINT chk_status; ALTER TABLE tickets ADD CONSTRAINT chk_status "
            "CHECK (status <> '') NOT VALID",
            "FAILED constraints chk_status of tickets was never checked for all rows. "
            "Run: ALTER TABLE tickets VALIDATE CONSTRAINT chk_status",
        ),
        (
            "GRANT SELECT (password_hash) ON users TO inturn_hub",
            "FAILED role inturn_hub may read or write tables itself. Run: REVOKE ALL ON users FROM inturn_hub, PUBLIC",
        ),
        (
            "GRANT EXECUTE ON FUNCTION save_line TO PUBLIC",
            "FAILED role Functions lack their privileges, as after a restore. Run: inturn-hub db upgrade",
        ),
        (
            "ALTER FUNCTION join_queue SECURITY INVOKER",
            "FAILED role Functions lack their privileges, as after a restore. Run: inturn-hub db upgrade",
        ),
        (
            "REVOKE EXECUTE ON FUNCTION join_queue FROM inturn_hub",
            "FAILED role Functions lack their privileges, as after a restore. Run: inturn-hub db upgrade",
        ),
        (
            "ALTER DOMAIN site_code DROP CONSTRAINT chk_code",
            "FAILED constraints chk_code of site_code is missing.",
        ),
        (
            "DROP INDEX idx_unique_consulting_counter",
            "FAILED indexes idx_unique_consulting_counter on tickets is missing.",
        ),
        ("DROP INDEX idx_waiting_rank", "FAILED indexes idx_waiting_rank on tickets is missing."),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_parked'::regclass",
            "FAILED indexes idx_parked on tickets is invalid. Run: REINDEX INDEX idx_parked",
        ),
        (
            "DROP INDEX idx_unique_ticket_number; CREATE INDEX idx_unique_ticket_number ON tickets "
            "(origin_service_id, business_day, number_value)",
            "FAILED indexes idx_unique_ticket_number on tickets is not unique.",
        ),
        (
            "ALTER TABLE queue_events DISABLE TRIGGER queue_events_append_only",
            "FAILED triggers queue_events_append_only on queue_events switched off. "
            "Run: ALTER TABLE queue_events ENABLE TRIGGER ALL",
        ),
        (
            "DROP TRIGGER admin_events_no_truncate ON admin_events",
            "FAILED triggers admin_events_no_truncate on admin_events is missing.",
        ),
        (
            "DROP INDEX idx_parked; CREATE INDEX idx_parked ON tickets (number) WHERE status = 'parked'",
            "FAILED indexes idx_parked on tickets is over other columns.",
        ),
        (
            "DROP INDEX idx_waiting_rank; CREATE INDEX idx_waiting_rank "
            "ON tickets (service_id, rank_class, rank_time, position_in_queue) WHERE status = 'parked'",
            "FAILED plans join_queue does not use idx_waiting_rank.",
        ),
        (
            "UPDATE services SET last_event_at = clock_timestamp() + interval '1 hour' WHERE code = 'A'",
            "warning clock A: its last event is of",
        ),
        (
            "UPDATE services SET business_day = business_day_at(clock_timestamp()) + 1 WHERE code = 'B'",
            "warning clock B: its business day is",
        ),
    ],
)
def test_each_fault_of_the_schema_is_the_only_finding(
    engine: Engine, hub: HubProcess, damage: str, sentence: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(damage))
    found = troubles(engine, hub)
    assert " ".join(str(found[0]).split()).startswith(sentence)
    assert {(finding.level, finding.check) for finding in found} == {(found[0].level, found[0].check)}
    assert len(found) == 1 or found[0].check == "plans"


@pytest.mark.parametrize(
    ("damage", "sentences"),
    [
        (
            "DROP FUNCTION recall_patient; "
            "CREATE FUNCTION recall_patient(text, text, bytea, uuid, boolean DEFAULT false) RETURNS jsonb "
            "LANGUAGE sql AS $$SELECT jsonb_build_object('tickets', count(*)) FROM tickets WHERE number || '' = 'A001'$$"
            "; SELECT set_up_hub_role()",
            [
                "FAILED functions recall_patient(text,text,bytea,uuid,boolean) is altered. Run: inturn-hub db upgrade",
                "FAILED plans recall_patient reads all of tickets.",
            ],
        ),
        (
            "DROP FUNCTION park_ticket",
            [
                "FAILED functions park_ticket(text,text,bytea,uuid,text,boolean) is missing. Run: inturn-hub db upgrade",
                "FAILED plans park_ticket does not work.",
            ],
        ),
        (
            "CREATE FUNCTION save_line() RETURNS void LANGUAGE sql AS ''; SELECT set_up_hub_role()",
            ["FAILED functions save_line() is not InTurn's. Run: DROP FUNCTION save_line()"],
        ),
        (
            "UPDATE installed_schema SET functions_fingerprint = ''",
            ["FAILED schema Its functions are another InTurn's."],
        ),
    ],
)
def test_a_changed_function_is_named_with_its_consequences(
    engine: Engine, hub: HubProcess, damage: str, sentences: list[str]
) -> None:
    with engine.begin() as connection:
        connection.execute(text(damage))
    found = [" ".join(str(finding).split()) for finding in troubles(engine, hub) if finding.check != "hub"]
    assert [line[: len(sentence)] for line, sentence in zip(found, sentences, strict=False)] == sentences
    assert {line.split()[1] for line in found} == {sentence.split()[1] for sentence in sentences}


def test_an_older_and_a_newer_schema_are_printed_apart(engine: Engine, hub: HubProcess) -> None:
    with engine.begin() as connection:
        connection.execute(text(make_older()))
    found = troubles(engine, hub)
    assert "It lacks 0002_add_queue_constraints, " in str(found[0])
    assert [finding.check for finding in found] == ["schema", "hub"]
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_future'"))
    assert "made by a newer InTurn" in str(troubles(engine, hub)[0])


async def test_a_statement_that_waits_for_a_lock_is_found_with_its_holder(
    clinic: Clinic, engine: Engine, hub: HubProcess
) -> None:
    with held(engine, "SELECT 1 FROM services WHERE code = 'A' FOR UPDATE") as holder:
        join = "SELECT join_queue('user:1', 'k', '', 'A')"
        waiting = threading.Thread(target=lambda: clinic.rows(join))
        waiting.start()
        found = await until(lambda: troubles(engine, hub, Thresholds(lock_wait=0.05)))
    waiting.join(10)
    expected = rf"FAILED locks 1 statement waits for a lock, since \d s, held by process {holder}"
    assert re.match(expected, only_text(found))


async def test_a_forgotten_transaction_is_found(engine: Engine, hub: HubProcess) -> None:
    with held(engine, "SELECT 1") as holder:
        found = await until(lambda: troubles(engine, hub, Thresholds(transaction=0.3)))
    printed = only_text(found)
    assert re.match(
        r"warning transactions One is open since \d s \(idle in transaction\), by process", printed
    )
    assert printed.endswith(f"SELECT pg_terminate_backend({holder})")


@contextmanager
def held(engine: Engine, statement: str) -> Iterator[int]:
    """The process of a transaction that stays open after the statement while the block runs."""
    with engine.connect() as connection:
        connection.execute(text(statement))
        yield connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


@pytest.mark.parametrize(("minutes", "direction"), [(5, "behind"), (-5, "ahead of")])
def test_a_clock_that_differs_is_found(engine: Engine, hub: HubProcess, minutes: int, direction: str) -> None:
    found = examine(engine, hub.url, None, now=lambda: local_now() + timedelta(minutes=minutes))
    printed = only_text([finding for finding in found if finding.level != "ok"])
    assert printed.startswith(f"warning clock The database's clock is 300 s {direction} this computer's.")


def test_a_full_disk_is_found(engine: Engine, hub: HubProcess, tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    for limit, level in ((2 * free, "warning"), (20 * free, "FAILED")):
        found = [f for f in examine(engine, hub.url, tmp_path, Thresholds(disk=limit)) if f.level != "ok"]
        assert only_text(found).startswith(f"{level} disk ")
        assert f"GB are left in {tmp_path}. Make room" in only_text(found)


@pytest.mark.parametrize("act", ["terminate", "freeze"])
def test_a_hub_that_does_not_answer_is_found(
    engine: Engine, hub: HubProcess, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_health, "ANSWER_SECONDS", 0.5)
    getattr(hub, act)()
    printed = only_text(troubles(engine, hub))
    if act == "freeze":
        hub.thaw()
        assert printed.startswith(f"FAILED hub {hub.url} does not answer as a hub does (timed out)")
    else:
        assert printed.startswith(f"warning hub No hub runs at {hub.url}. Start it: inturn-hub serve")


def test_findings_name_the_privileges_that_an_account_lacks(
    engine: Engine, hub: HubProcess, clinic: Clinic
) -> None:
    name = f"plain_{token_hex(4)}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        connection.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"))
    plain = create_engine(make_url(clinic.database_url).set(username=name))
    try:
        found = troubles(plain, hub)
    finally:
        plain.dispose()
        with engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {name}"))
            connection.execute(text(f"DROP ROLE {name}"))
    printed = [" ".join(str(finding).split()) for finding in found]
    assert [sentence.split()[:2] for sentence in printed] == [
        ["warning", c] for c in ("role", "plans", "transactions", "disk")
    ]
    assert "permission denied" in printed[1]
    assert f"GRANT pg_read_all_stats TO {name}" in printed[2]
    assert f"GRANT pg_read_all_settings TO {name}" in printed[3]


def test_the_command_exits_with_3_if_a_check_failed(clinic: Clinic, engine: Engine, hub: HubProcess) -> None:
    on = ("--database-url", clinic.database_url, "--hub", hub.url)
    done = inturn_hub("doctor", *on)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["ok", check] for check in CHECKS]
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE tickets DROP CONSTRAINT chk_status"))
    done = inturn_hub("doctor", *on)
    assert done.returncode == 3
    assert "FAILED   constraints  chk_status of tickets is missing." in done.stdout


def test_the_command_exits_with_1_if_the_database_is_unreachable() -> None:
    done = inturn_hub("doctor", "--database-url", "postgresql://nobody@127.0.0.1:1/none")
    assert (done.returncode, done.stdout) == (1, "")
    assert "can't be reached" in done.stderr


def test_the_hubs_address_comes_from_the_settings() -> None:
    assert hub_address(Settings()) == "ws://127.0.0.1:8765/ws"
    assert hub_address(Settings(host="0.0.0.0", port=9000)) == "ws://127.0.0.1:9000/ws"
    assert hub_address(Settings(hub="wss://desk/ws", port=9000)) == "wss://desk/ws"
