"""Events offered in any order are delivered once, in order; kept events fill a gap up to their limit."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from core.line.tickets import QueueEvent
from server.pushes.line_feed import KEPT_EVENTS, LineFeed

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def event(revision: int) -> QueueEvent:
    return QueueEvent(service="A", revision=revision, kind="opened", at=NOW)


def taken(line: LineFeed) -> list[int]:
    """Takes all deliverable events, and returns their revisions."""
    revisions = []
    while (delivery := line.take()) is not None:
        revisions.append(delivery.revision)
    return revisions


def test_events_in_any_order_are_delivered_in_order_and_once() -> None:
    line, random, delivered_revisions = LineFeed("A", 0), Random(3), []
    offered = [*range(1, 101)] * 2
    random.shuffle(offered)
    for revision in offered:
        line.offer(event(revision))
        delivered_revisions += taken(line)
    assert delivered_revisions == list(range(1, 101))
    assert not line.early


def test_a_gap_holds_back_what_follows_it() -> None:
    line = LineFeed("A", 5)
    line.offer(event(7))
    assert taken(line) == []
    line.offer(event(6))
    assert taken(line) == [6, 7]


def test_only_kept_events_can_be_read_again() -> None:
    line = LineFeed("A", 0)
    for revision in range(1, KEPT_EVENTS + 11):
        line.offer(event(revision))
    taken(line)
    newest = line.delivered
    assert [d.revision for d in line.since(newest - 3) or []] == [newest - 2, newest - 1, newest]
    assert line.since(newest) == []
    assert len(line.since(newest - KEPT_EVENTS) or []) == KEPT_EVENTS
    assert line.since(newest - KEPT_EVENTS - 1) is None
