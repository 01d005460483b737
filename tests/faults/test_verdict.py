"""The verdict itself: each thing that could go wrong is done to a sound trial, and is seen."""

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
    *_, one, other = (number for number, line in enumerate(lines) if b'"S1"' in line)
    swapped = [*lines]
    swapped[one], swapped[other] = lines[other], lines[one]
    return swapped


def seen_another(lines: Lines) -> Lines:
    return [*lines[:-1], lines[-1].replace(b'"digest":"', b'"digest":"0')]


def without_a_step_at_the_end(lines: Lines) -> Lines:
    return lines[:-1]


def told_of_another_revision(lines: Lines) -> Lines:
    return [line.replace(b'"revision":', b'"revision":1') if b'"ack"' in line else line for line in lines]


def told_what_never_was(lines: Lines) -> Lines:
    return [*lines, b'{"type":"ack","key":"never","result":{}}']


def asked_for_nothing(_lines: Lines) -> Lines:
    return []


def refused_after_all(lines: Lines) -> Lines:
    acked = next(line for line in lines if b'"ack"' in line)
    key = acked.split(b'"key":"')[1].split(b'"')[0]
    return [*lines, b'{"type":"refusal","key":"' + key + b'","reason":"queue_empty"}']


PAPERS: list[tuple[str, Callable[[Lines], Lines], str]] = [
    (LOG, without_the_middle, "seen otherwise"),
    (LOG, with_the_last_again, "seen otherwise"),
    (LOG, with_two_in_the_wrong_order, "seen otherwise"),
    (LOG, seen_another, "seen otherwise"),
    (LOG, without_a_step_at_the_end, "seen otherwise"),
    (JOURNAL, told_of_another_revision, "acknowledged otherwise"),
    (JOURNAL, told_what_never_was, "acknowledged and not there"),
    (JOURNAL, asked_for_nothing, "there and never asked"),
    (JOURNAL, refused_after_all, "refused and there"),
]
DEEDS = {
    "done by somebody unknown": "INSERT INTO requests VALUES ('user:99', 'k', '', '{}', now())",
    "changes that nobody asked for": "DELETE FROM requests WHERE key = (SELECT key FROM requests WHERE "
    "result -> 'ticket' ->> 'status' = 'consulting' LIMIT 1)",
    "patients called twice": "UPDATE queue_events SET before = jsonb_set(before, '{status}', '\"consulting\"') "
    "WHERE (service_id, revision) = (SELECT service_id, max(revision) FROM queue_events WHERE kind = 'called' "
    "GROUP BY service_id LIMIT 1)",
    "history and tables differ": "UPDATE tickets SET calls = calls + 1 WHERE id = "
    "(SELECT id FROM tickets WHERE status = 'completed' LIMIT 1)",
    "violations": "UPDATE tickets SET position_in_queue = position_in_queue + 1000 WHERE id = "
    "(SELECT id FROM tickets WHERE status = 'waiting' ORDER BY position_in_queue LIMIT 1)",
    "numbers given twice": "DO $$ BEGIN DROP INDEX idx_unique_ticket_number; UPDATE tickets SET number_value = 1; END $$",
    "revisions out of count": "DELETE FROM queue_events WHERE revision = 3",
}
"""What is seen -> what was done to the database, one deed after the other."""


def test_whatever_goes_wrong_is_seen(new_trial: Callable[..., Trial], tmp_path: Path) -> None:
    trial = new_trial()
    trial.admit_everybody([trial.start_hub().url])
    trial.wait_for_answers(100)
    assert trial.verdict() == {}
    assert trial.told("rest", 30) == []
    for ending, forge, seen in PAPERS:
        forged = tmp_path / forge.__name__
        shutil.copytree(trial.folder, forged)
        paper = max(forged.glob("user*" + ending), key=lambda path: path.stat().st_size)
        paper.write_bytes(b"".join(line + b"\n" for line in forge(paper.read_bytes().split(b"\n")[:-1])))
        assert seen in judged(trial.engine, forged), forge.__name__
    for seen, deed in DEEDS.items():
        assert seen not in judged(trial.engine, trial.folder)
        with trial.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(deed.replace(":", "\\:")))
        assert seen in judged(trial.engine, trial.folder)
