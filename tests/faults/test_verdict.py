"""The verdict: each kind of corruption is applied to a sound trial, and the verdict names it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.faults.journal import JOURNAL, LOG
from tests.support.faults.trial import Trial
from tests.support.faults.verdict import judged

pytestmark = [pytest.mark.long, pytest.mark.logs_expected]

Lines = list[bytes]


def without_the_middle(lines: Lines) -> Lines:
    return lines[: len(lines) // 2] + lines[len(lines) // 2 + 1 :]


def with_the_last_again(lines: Lines) -> Lines:
    return [*lines, lines[-1]]


def with_two_in_the_wrong_order(lines: Lines) -> Lines:
    *_, first, second = (number for number, line in enumerate(lines) if b'"S1"' in line)
    swapped = [*lines]
    swapped[first], swapped[second] = lines[second], lines[first]
    return swapped


def with_another_digest(lines: Lines) -> Lines:
    return [*lines[:-1], lines[-1].replace(b'"digest":"', b'"digest":"0')]


def without_a_step_at_the_end(lines: Lines) -> Lines:
    return lines[:-1]


def with_another_revision_acknowledged(lines: Lines) -> Lines:
    return [line.replace(b'"revision":', b'"revision":1') if b'"ack"' in line else line for line in lines]


def with_an_unknown_acknowledgement(lines: Lines) -> Lines:
    return [*lines, b'{"type":"ack","key":"never","result":{}}']


def without_any_request(_lines: Lines) -> Lines:
    return []


def with_an_acknowledged_change_refused(lines: Lines) -> Lines:
    acked = next(line for line in lines if b'"ack"' in line)
    key = acked.split(b'"key":"')[1].split(b'"')[0]
    return [*lines, b'{"type":"refusal","key":"' + key + b'","reason":"queue_empty"}']


FORGERIES: list[tuple[str, Callable[[Lines], Lines], str]] = [
    (LOG, without_the_middle, "log differs from history"),
    (LOG, with_the_last_again, "log differs from history"),
    (LOG, with_two_in_the_wrong_order, "log differs from history"),
    (LOG, with_another_digest, "log differs from history"),
    (LOG, without_a_step_at_the_end, "log differs from history"),
    (JOURNAL, with_another_revision_acknowledged, "acknowledged with another result"),
    (JOURNAL, with_an_unknown_acknowledgement, "acknowledged but not stored"),
    (JOURNAL, without_any_request, "stored but never requested"),
    (JOURNAL, with_an_acknowledged_change_refused, "refused but stored"),
]
CORRUPTIONS = {
    "requests of unknown actors": "INSERT INTO requests VALUES ('user:99', 'k', '', '{}', now())",
    "changes without a request": "DELETE FROM requests WHERE key = (SELECT key FROM requests WHERE "
    "result -> 'ticket' ->> 'status' = 'consulting' LIMIT 1)",
    "patients called twice": "UPDATE queue_events SET before = jsonb_set(before, '{status}', '\"consulting\"') "
    "WHERE (service_id, revision) = (SELECT service_id, max(revision) FROM queue_events WHERE kind = 'called' "
    "GROUP BY service_id LIMIT 1)",
    "history and tables differ": "UPDATE tickets SET calls = calls + 1 WHERE id = "
    "(SELECT id FROM tickets WHERE status = 'completed' LIMIT 1)",
    "violations": "UPDATE tickets SET position_in_queue = position_in_queue + 1000 WHERE id = "
    "(SELECT id FROM tickets WHERE status = 'waiting' ORDER BY position_in_queue LIMIT 1)",
    "numbers given twice": "DO $$ BEGIN DROP INDEX idx_unique_ticket_number; UPDATE tickets SET number_value = 1; END $$",
    "gaps in the revisions": "DELETE FROM queue_events WHERE revision = 3",
}
"""What the verdict names -> the statement that corrupts the database; the statements add up."""


def test_the_verdict_names_each_corruption(new_trial: Callable[..., Trial], tmp_path: Path) -> None:
    trial = new_trial()
    trial.admit_crowd([trial.start_hub().url])
    trial.wait_for_answers(100)
    assert trial.verdict() == {}
    assert trial.sentences("rest", 30) == []
    for ending, forge, named in FORGERIES:
        forged = tmp_path / forge.__name__
        shutil.copytree(trial.folder, forged)
        file = max(forged.glob("user*" + ending), key=lambda path: path.stat().st_size)
        file.write_bytes(b"".join(line + b"\n" for line in forge(file.read_bytes().split(b"\n")[:-1])))
        assert named in judged(trial.engine, forged), forge.__name__
    for named, statement in CORRUPTIONS.items():
        assert named not in judged(trial.engine, trial.folder)
        with trial.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(statement.replace(":", "\\:")))
        assert named in judged(trial.engine, trial.folder)
