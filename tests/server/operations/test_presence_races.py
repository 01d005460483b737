"""People come and go, sign out and are disabled, and clocks are set right, while every operation runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from tests.support.clinic import Clinic
from tests.support.hammer import connected, hammer
from tests.support.proof_size import proof_size
from tests.support.scene import Scene, furnish
from tests.support.verdict import find_faults

pytestmark = [pytest.mark.usefixtures("no_qt_garbage"), pytest.mark.long]

DISTURBANCES = (
    "SELECT note_presence('hub 1', %(some)s, 1)",
    "SELECT note_presence('hub 2', %(some)s, 1)",
    "SELECT open_session(sha256(gen_random_uuid()::text::bytea), %(one)s, interval '1 hour', 3)",
    "SELECT close_session(token_hash) FROM sessions WHERE user_id = %(one)s",
    "UPDATE users SET disabled_at = CASE WHEN disabled_at IS NULL THEN now() END WHERE id = %(one)s",
    "UPDATE services SET last_event_at = last_event_at + interval '2 hours' WHERE code = 'S1'",
    "SELECT correct_all_times()",
    "SELECT close_day('user:' || %(one)s, gen_random_uuid()::text, '')",
)


@pytest.fixture
def engine(clinic: Clinic) -> Iterator[Engine]:
    engine = clinic.engine()
    yield engine
    engine.dispose()


def disturb(scene: Scene, seed: int, ended: Callable[[], bool]) -> list[Any]:
    """Runs disturbances until the end; returns those that failed."""
    random, failed = Random(seed), []
    with connected(scene.url) as connection:
        while not ended():
            values = {"one": random.choice(scene.users), "some": random.sample(scene.users, 8)}
            try:
                connection.execute(random.choice(DISTURBANCES).encode(), values)
            except psycopg.Error as error:
                failed.append((error.sqlstate, str(error)))
    return failed


def test_presence_and_clocks_race_with_every_operation(engine: Engine, clinic: Clinic) -> None:
    scene, over = furnish(engine, 3, 8), Event()
    clinic.rows("UPDATE settings SET counter_free_after = '2 seconds' RETURNING 1")
    with ThreadPoolExecutor(2) as pool:
        disturbing = [pool.submit(disturb, scene, seed, over.is_set) for seed in range(2)]
        try:
            logs = hammer(scene, presses=proof_size(60, 3000))
        finally:
            over.set()
    assert [failed for future in disturbing for failed in future.result()] == []
    faults = find_faults(engine, logs)
    faults.pop("there and not acknowledged", None)
    assert faults == {}
    clinic.rows("SELECT note_presence('hub 1', '{}', 0)")
    assert (
        clinic.rows("SELECT code FROM counters WHERE absence(held_by) IS NOT NULL AND NOT has_patient(id)")
        == []
    )
    assert clinic.rows("SELECT count(*) > 0 FROM admin_events WHERE kind = 'counter_freed'") == [(True,)]
