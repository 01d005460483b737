"""What must hold after an upgrade, written from the README, without the upgrade's own code."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from tests.support.old_clinics import OldClinic

KNOWN = {"waiting", "consulting", "parked", "completed", "no_show", "cancelled"}
OVER = {"completed", "no_show", "cancelled"}


@dataclass(frozen=True)
class Pair:
    """A ticket before and after the upgrade."""

    id: int
    service_id: int | None
    known_service: bool
    old_number: str | None
    old_priority: str | None
    old_status: str | None
    old_position: int | None
    old_created: float | None
    was_called: bool
    same_name: bool
    old_times: list[str | None]
    new_times: list[str | None]
    service: str
    prefix: str
    number: str
    day: str
    priority: str
    status: str
    place: int | None
    counter: str | None
    note: str

    @property
    def arrival_order(self) -> tuple[bool, float, int]:
        return self.old_created is None, self.old_created or 0.0, self.id

    @property
    def line_order(self) -> tuple[Any, ...]:
        placed = self.old_position is not None and self.old_position > 0
        return not placed, self.old_position if placed else 0, *self.arrival_order


def assert_nothing_lost(clinic: OldClinic) -> None:
    """Raises AssertionError where the new tables differ from what the README promises about the old ones."""
    pairs = _pairs(clinic)
    ids = [row[0] for row in clinic.rows("SELECT id FROM legacy.tickets ORDER BY id")]
    assert [pair.id for pair in pairs] == ids
    assert clinic.rows("SELECT count(*) FROM tickets") == [(len(ids),)]
    _assert_lines(pairs)
    _assert_numbers(pairs)
    for pair in pairs:
        _assert_kept(pair)
    served = [pair.counter for pair in pairs if pair.status == "consulting"]
    assert sorted(map(str, served)) == sorted(f"Recovered {n}" for n in range(1, len(served) + 1))
    assert clinic.rows("SELECT count(*) FROM counters") == [(len(served),)]
    _assert_services(clinic)


def _pairs(clinic: OldClinic) -> list[Pair]:
    rows = clinic.rows(
        """
        SELECT o.id, o.service_id, k.id IS NOT NULL, o.ticket_number, o.priority, o.status, o.position_in_queue,
            extract(epoch FROM o.created_at)::float8, o.called_at IS NOT NULL,
            n.patient_name IS NOT DISTINCT FROM o.patient_name,
            ARRAY[o.created_at, o.called_at, o.completed_at]::text[],
            ARRAY[n.joined_at, n.called_at, n.ended_at]::timestamp[]::text[],
            s.code, s.prefix, n.number, n.business_day::text, n.priority, n.status, n.position_in_queue - s.head + 1,
            c.name, coalesce(n.note, '')
        FROM legacy.tickets o LEFT JOIN legacy.services k ON k.id = o.service_id
        JOIN tickets n ON n.issued_by = 'legacy:' || o.id JOIN services s ON s.id = n.service_id
        LEFT JOIN counters c ON c.id = n.counter_id ORDER BY o.id"""
    )
    return [Pair(*row) for row in rows]


def _assert_lines(pairs: list[Pair]) -> None:
    lines: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.status == "waiting":
            lines[pair.service].append(pair)
    for line in lines.values():
        assert [pair.place for pair in sorted(line, key=lambda p: p.line_order)] == list(
            range(1, len(line) + 1)
        )


def _assert_numbers(pairs: list[Pair]) -> None:
    assert max(Counter((pair.service, pair.day, pair.number) for pair in pairs).values()) == 1
    holders: dict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    for pair in sorted(pairs, key=lambda p: p.arrival_order):
        assert re.fullmatch(r"[A-Z]{1,3}\d{3,}", pair.number)
        holders[pair.service, pair.day, _read(pair.old_number)].append(pair)
    for (_, _, number), same in holders.items():
        # With its own service's letters the earliest ticket keeps its number; the later ones get others.
        if re.fullmatch(rf"{same[0].prefix}(?!0+$)(\d{{3}}|[1-9]\d{{3,5}})", number):
            assert [pair.number == number for pair in same] == [True] + [False] * (len(same) - 1)
    for pair in pairs:
        if pair.number != pair.old_number and (pair.old_number or "").strip():
            assert f"Number was {(pair.old_number or '').strip()}." in pair.note


def _read(number: str | None) -> str:
    found = re.fullmatch(r"\s*([A-Za-z]{1,3})[- ]?([0-9]{1,6})\s*", number or "", re.ASCII)
    return f"{found[1].upper()}{int(found[2]):03d}" if found else ""


def _assert_kept(pair: Pair) -> None:
    status, priority = (pair.old_status or "").strip().lower(), (pair.old_priority or "").strip().lower()
    assert pair.status == (status if status in KNOWN else "cancelled")
    assert pair.priority == (priority if priority in {"high", "medium", "low"} else "medium")
    assert pair.same_name
    _assert_times(pair)
    assert (pair.service == "recovered") == (not pair.known_service)
    assert (status not in KNOWN and bool(pair.old_status)) == ("Status was" in pair.note)
    if pair.old_status and status not in KNOWN:
        assert f"Status was “{pair.old_status}”." in pair.note
    system = pair.status == "completed" and not pair.was_called
    assert system == ("Completed by the system." in pair.note)


def _assert_times(pair: Pair) -> None:
    """Asserts that plausible times are kept and that times are in order."""
    created, called, ended = (at or "" for at in pair.old_times)
    if "1970" <= created <= called <= ended < "2998":
        kept = ended if pair.status in OVER else None
        assert pair.new_times == [created, called, kept]
    if "1970" <= created < "2998":
        assert pair.new_times[0] == created
    known = [at for at in pair.new_times if at]
    assert known == sorted(known)
    assert (pair.new_times[2] is not None) == (pair.status in OVER)


def _assert_services(clinic: OldClinic) -> None:
    olds = clinic.rows("SELECT name, is_active, avg_service_minutes FROM legacy.services ORDER BY id")
    news = clinic.rows(
        "SELECT name, state, configured_pace_seconds FROM services WHERE code <> 'recovered' ORDER BY sort_order"
    )
    for (name, active, minutes), (new_name, state, pace) in zip(olds, news, strict=True):
        assert new_name == name if (name or "").strip() else new_name.startswith("Service ")
        assert state == ("open" if active else "closed")
        assert pace == 60 * (minutes if minutes and 0 < minutes <= 1440 else 10)
