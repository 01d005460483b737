"""The follower: which subscriptions it sends, and when, until each line equals the hub's. Frames in, frames out."""

import json
from typing import Any

from core.line.tickets import QueueEvent
from core.wire import protocol
from core.wire.follower import Follower
from core.wire.replica import Change, LineReplaced, Replica
from core.wire.session import ClientSession, DeviceCredentials, Failure, HelloAccepted, Push, Reply
from tests.core.wire.test_session import HELLO
from tests.support.reference_line import ReferenceLine


class Talk:
    """A follower and its session; the test plays the hub."""

    def __init__(self) -> None:
        self.session = ClientSession(DeviceCredentials("t0ken"), "test")
        self.replica = Replica()
        self.follower = Follower(self.session, self.replica, None)
        self.unanswered: list[dict[str, Any]] = []
        self.session.connected(0.0)
        self.answer("session.hello", HELLO)
        self.answer("services.list", {"services": []})
        self.answer("counters.list", {"counters": []})

    def subscriptions(self) -> list[dict[str, Any]]:
        """Returns the parameters of the subscriptions without an answer."""
        self.unanswered += [json.loads(frame) for frame in self.session.frames_to_send()]
        return [request["params"] for request in self.unanswered if request["method"] == "queue.subscribe"]

    def answer(self, method: str, result: Any) -> list[Change]:
        """Answers the oldest request of a method as the hub does; returns the changes."""
        self.subscriptions()
        request = next(each for each in self.unanswered if each["method"] == method)
        self.unanswered.remove(request)
        return self._take(protocol.reply_frame(request["id"], result))

    def subscribe_answered(self, **services: Any) -> list[Change]:
        """Answers the oldest subscription."""
        return self.answer("queue.subscribe", {"services": services})

    def push(self, method: str, params: Any) -> list[Change]:
        """Pushes as the hub does; returns the changes."""
        return self._take(protocol.push_frame(method, params))

    def _take(self, frame: bytes) -> list[Change]:
        changes: list[Change] = []
        for event in self.session.receive(frame, 0.0):
            match event:
                case HelloAccepted():
                    changes += self.follower.welcomed(event.hello, 0.0)
                case Push():
                    changes += self.follower.take_push(event, 0.0)
                case Reply() | Failure():
                    changes += self.follower.take_answer(event, 0.0)
        return changes


def following(truth: ReferenceLine) -> Talk:
    """A client that holds the line and has sent a second subscription, because of a gap, that is unanswered."""
    talk = Talk()
    talk.subscribe_answered(A={"snapshot": truth.snapshot()})
    assert talk.subscriptions() == []
    truth.join()
    talk.push("queue.event", truth.join())
    [params] = talk.subscriptions()
    assert params == {"services": None, "since": {"A": truth.revision - 2}, "epoch": truth.epoch}
    return talk


def with_two_gaps(truth: ReferenceLine) -> tuple[Talk, list[QueueEvent]]:
    """A client that received only the second and the fourth of four events; returns it and the four."""
    talk = Talk()
    talk.subscribe_answered(A={"snapshot": truth.snapshot()})
    events = [truth.join() for _ in range(4)]
    talk.push("queue.event", events[1])
    talk.push("queue.event", events[3])
    return talk, events


def test_events_of_an_old_epoch_are_not_applied_to_a_line_of_the_new_epoch() -> None:
    old, new = ReferenceLine(revision=7), ReferenceLine(epoch="e2", revision=7)
    talk = following(old)
    assert talk.push("queue.snapshot", new.snapshot()) == [LineReplaced("A")]
    # This event of the old epoch continues from revision 7 too: only the epoch tells it apart.
    assert talk.subscribe_answered(A={"events": [ReferenceLine(revision=7).join()]}) == []
    line = talk.replica.lines.line("A")
    assert (line.epoch, line.revision, line.waiting_count) == ("e2", 7, 0)
    assert talk.subscriptions() == [{"services": None, "since": {"A": 7}, "epoch": "e2"}]
    talk.subscribe_answered(A={"events": [new.join()]})
    assert line.waiting == new.snapshot().waiting
    assert talk.subscriptions() == []


def test_a_snapshot_of_an_old_epoch_does_not_replace_a_line_of_the_new_epoch() -> None:
    old, new = ReferenceLine(revision=7), ReferenceLine(epoch="e2")
    talk = following(old)
    talk.push("queue.snapshot", new.snapshot())
    assert talk.subscribe_answered(A={"snapshot": old.snapshot()}) == []
    assert talk.replica.lines.line("A").epoch == "e2"
    assert talk.subscriptions() == [{"services": None, "since": {"A": 0}, "epoch": "e2"}]


def test_a_snapshot_of_the_new_epoch_is_taken_from_an_answer_too() -> None:
    old, new = ReferenceLine(revision=7), ReferenceLine(epoch="e2")
    talk = following(old)
    talk.push("queue.snapshot", new.snapshot())
    new.join()
    assert talk.subscribe_answered(A={"snapshot": new.snapshot()}) == [LineReplaced("A")]
    assert talk.replica.lines.line("A").waiting == new.snapshot().waiting
    assert talk.subscriptions() == []


def test_a_gap_found_during_a_subscription_is_requested_if_the_answer_did_not_fill_it() -> None:
    talk, events = with_two_gaps(ReferenceLine(revision=7))
    assert len(talk.subscriptions()) == 1
    talk.subscribe_answered(A={"events": events[:2]})
    assert talk.subscriptions() == [{"services": None, "since": {"A": 9}, "epoch": "e1"}]
    talk.subscribe_answered(A={"events": events[2:]})
    assert talk.replica.lines.line("A").waiting_count == 4
    assert talk.subscriptions() == []


def test_a_gap_that_the_pending_answer_fills_is_not_requested_again() -> None:
    talk, events = with_two_gaps(ReferenceLine(revision=7))
    talk.subscribe_answered(A={"events": events})
    assert talk.subscriptions() == []


def test_a_line_that_contradicts_an_event_during_a_subscription_gets_a_snapshot() -> None:
    truth = ReferenceLine(revision=7)
    talk = following(truth)
    strange = ReferenceLine(revision=7)
    strange.order.append("another-ticket")
    strange.tickets["another-ticket"] = truth.tickets["ticket-1"]
    talk.push("queue.event", strange.join())
    talk.subscribe_answered(A={"events": []})
    assert talk.subscriptions() == [{"services": None, "since": {}, "epoch": "e1"}]
    talk.subscribe_answered(A={"snapshot": truth.snapshot()})
    assert talk.replica.lines.line("A").waiting == truth.snapshot().waiting
    assert talk.subscriptions() == []
