"""What is asked of the hub, and when, so that every line becomes true: frames in, frames out."""

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
    """A follower on a session; a test is the hub."""

    def __init__(self) -> None:
        self.session = ClientSession(DeviceCredentials("t0ken"), "test")
        self.replica = Replica()
        self.follower = Follower(self.session, self.replica, None)
        self.asked: list[dict[str, Any]] = []
        self.session.connected(0.0)
        self.answer("session.hello", HELLO)
        self.answer("services.list", {"services": []})
        self.answer("counters.list", {"counters": []})

    def subscriptions(self) -> list[dict[str, Any]]:
        """The parameters of the subscriptions that are not answered yet."""
        self.asked += [json.loads(frame) for frame in self.session.frames_to_send()]
        return [request["params"] for request in self.asked if request["method"] == "queue.subscribe"]

    def answer(self, method: str, result: Any) -> list[Change]:
        """The hub answers the oldest request of a method."""
        self.subscriptions()
        request = next(each for each in self.asked if each["method"] == method)
        self.asked.remove(request)
        return self._take(protocol.reply_frame(request["id"], result))

    def subscribe_answered(self, **services: Any) -> list[Change]:
        """The hub answers the oldest subscription."""
        return self.answer("queue.subscribe", {"services": services})

    def push(self, method: str, params: Any) -> list[Change]:
        """The hub pushes."""
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
    """A client that holds the line, and whose second subscription, for a gap, is on its way."""
    talk = Talk()
    talk.subscribe_answered(A={"snapshot": truth.snapshot()})
    assert talk.subscriptions() == []
    truth.join()
    talk.push("queue.event", truth.join())
    [params] = talk.subscriptions()
    assert params == {"services": None, "since": {"A": truth.revision - 2}, "epoch": truth.epoch}
    return talk


def with_two_gaps(truth: ReferenceLine) -> tuple[Talk, list[QueueEvent]]:
    """A client that was told every second of four events, and the four."""
    talk = Talk()
    talk.subscribe_answered(A={"snapshot": truth.snapshot()})
    events = [truth.join() for _ in range(4)]
    talk.push("queue.event", events[1])
    talk.push("queue.event", events[3])
    return talk, events


def test_events_of_the_epoch_before_are_not_put_on_the_line_of_the_next() -> None:
    old, new = ReferenceLine(revision=7), ReferenceLine(epoch="e2", revision=7)
    talk = following(old)
    assert talk.push("queue.snapshot", new.snapshot()) == [LineReplaced("A")]
    # It continues from revision 7 as well, and would fit.
    assert talk.subscribe_answered(A={"events": [ReferenceLine(revision=7).join()]}) == []
    line = talk.replica.lines.line("A")
    assert (line.epoch, line.revision, line.waiting_count) == ("e2", 7, 0)
    assert talk.subscriptions() == [{"services": None, "since": {"A": 7}, "epoch": "e2"}]
    talk.subscribe_answered(A={"events": [new.join()]})
    assert line.waiting == new.snapshot().waiting
    assert talk.subscriptions() == []


def test_a_snapshot_of_the_epoch_before_does_not_replace_the_next_ones() -> None:
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


def test_a_gap_found_while_a_subscription_is_on_its_way_is_asked_for_if_the_answer_did_not_fill_it() -> None:
    talk, events = with_two_gaps(ReferenceLine(revision=7))
    assert len(talk.subscriptions()) == 1
    talk.subscribe_answered(A={"events": events[:2]})
    assert talk.subscriptions() == [{"services": None, "since": {"A": 9}, "epoch": "e1"}]
    talk.subscribe_answered(A={"events": events[2:]})
    assert talk.replica.lines.line("A").waiting_count == 4
    assert talk.subscriptions() == []


def test_a_gap_that_the_answer_on_its_way_has_filled_is_not_asked_for_again() -> None:
    talk, events = with_two_gaps(ReferenceLine(revision=7))
    talk.subscribe_answered(A={"events": events})
    assert talk.subscriptions() == []


def test_a_line_in_doubt_gets_a_snapshot_though_it_became_so_while_a_subscription_was_on_its_way() -> None:
    truth = ReferenceLine(revision=7)
    talk = following(truth)
    strange = ReferenceLine(revision=7)
    strange.order.append("somebody else")
    strange.tickets["somebody else"] = truth.tickets["ticket-1"]
    talk.push("queue.event", strange.join())
    talk.subscribe_answered(A={"events": []})
    assert talk.subscriptions() == [{"services": None, "since": {}, "epoch": "e1"}]
    talk.subscribe_answered(A={"snapshot": truth.snapshot()})
    assert talk.replica.lines.line("A").waiting == truth.snapshot().waiting
    assert talk.subscriptions() == []
