"""ClientSession without a socket: frames and seconds in, events and frames out."""

import json
from datetime import timedelta
from math import inf
from typing import Any

import msgspec
import pytest

from core.errors import Forbidden, HubError, InvalidRequest, RateLimited, Unauthenticated, Unavailable
from core.wire import protocol
from core.wire.session import (
    ClientSession,
    ConnectionState,
    DeviceCredentials,
    Failure,
    HelloAccepted,
    HelloRefused,
    PersonCredentials,
    Push,
    Reply,
    TimeTold,
)
from tests.support.builders import NOW

HELLO = {
    "session": "s3cret",
    "role": "staff",
    "name": "Ada",
    "server": {"name": "inturn", "version": "1"},
    "epoch": "e1",
    "protocol": [1, 1],
    "site": {
        "name": "Clinic",
        "time_zone": "Europe/Berlin",
        "day_starts": "04:00",
        "languages": ["en"],
        "business_day": "2026-11-23",
    },
    "config_revision": 1,
    "time": "2026-11-23T08:00:00Z",
}
RAW_EMPTY = msgspec.Raw(b"{}")
PERSON = PersonCredentials("ada", "correct horse")


def sent(session: ClientSession) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in session.frames_to_send()]


def state(session: ClientSession) -> ConnectionState:
    return session.state


def greet(session: ClientSession, now: float = 0.0) -> list[dict[str, Any]]:
    """Connects, accepts the hello, and returns the frames that the session sends next."""
    session.connected(now)
    [hello] = sent(session)
    [event] = session.receive(protocol.reply_frame(hello["id"], HELLO), now)
    assert isinstance(event, HelloAccepted)
    return sent(session)


def live(now: float = 0.0) -> ClientSession:
    session = ClientSession(PERSON, "inturn-admin/1.0")
    [ping] = greet(session, now)
    session.receive(protocol.reply_frame(ping["id"], {"time": NOW}), now)
    return session


def test_hello_is_the_first_frame_and_its_answer_makes_the_session_live() -> None:
    session = ClientSession(DeviceCredentials("t0ken"), "inturn-kiosk/1.0")
    assert state(session) is ConnectionState.CONNECTING
    session.request("services.list", {}, 0.0)
    session.connected(0.0)
    [hello] = sent(session)
    assert hello["method"] == "session.hello"
    assert hello["params"] == {"client": "inturn-kiosk/1.0", "credentials": {"token": "t0ken"}}
    session.receive(protocol.reply_frame(hello["id"], HELLO), 0.1)
    assert state(session) is ConnectionState.LIVE
    assert [frame["method"] for frame in sent(session)] == ["services.list", "ping"]


def test_the_last_operation_is_the_last_accepted_change() -> None:
    session = live()
    assert session.last_operation is None
    for refused in (False, True):
        session.request("queue.call_next", {"counter": "R1"}, 1.0, keyed=True)
        [frame] = sent(session)
        if refused:
            session.receive(protocol.error_frame(frame["id"], Forbidden()), 1.1)
        else:
            session.receive(protocol.reply_frame(frame["id"], {"ticket": None}), 1.1)
            made = frame["params"]["key"]
        session.request("services.list", {}, 1.2)
        session.receive(protocol.reply_frame(sent(session)[0]["id"], {"services": []}), 1.3)
        assert session.last_operation == made


def test_a_person_comes_back_with_the_session_and_no_password_is_kept() -> None:
    session = live()
    session.disconnected()
    assert state(session) is ConnectionState.LOST
    session.connected(1.0)
    [hello] = sent(session)
    assert hello["params"]["credentials"] == {"session": "s3cret"}
    assert "correct horse" not in repr(vars(session))


@pytest.mark.parametrize("secret", [PERSON, DeviceCredentials("correct horse")])
def test_a_secret_is_not_in_its_representation(secret: object) -> None:
    assert "horse" not in repr(secret)


def test_a_change_gets_a_key_and_a_query_gets_none() -> None:
    session = live()
    session.request("tickets.join", {"service": "A"}, 0.0, keyed=True)
    session.request("tickets.join", {"service": "A"}, 0.0, keyed=True)
    session.request("services.list", {}, 0.0)
    first, second, query = sent(session)
    assert 1 <= len(first["params"]["key"]) <= 64
    assert first["params"]["key"] != second["params"]["key"]
    assert query["params"] == {}


def test_an_unanswered_change_is_repeated_with_its_key_after_the_reconnect() -> None:
    session = live()
    request_id = session.request("tickets.join", {"service": "A"}, 0.0, keyed=True)
    [first] = sent(session)
    session.disconnected()
    assert session.tick(3600.0) == []
    [again, _ping] = greet(session, 3600.0)
    assert again == first
    assert session.receive(protocol.reply_frame(request_id, {}), 3600.1) == [Reply(request_id, RAW_EMPTY)]
    session.disconnected()
    assert [frame["method"] for frame in greet(session, 3601.0)] == ["ping"]


def test_a_query_is_repeated_for_ten_seconds_and_then_fails() -> None:
    session = live()
    request_id = session.request("services.list", {}, 0.0)
    sent(session)
    session.disconnected()
    assert [frame["method"] for frame in greet(session, 5.0)] == ["services.list", "ping"]
    assert session.tick(9.9) == []
    [failure] = session.tick(10.0)
    assert isinstance(failure, Failure)
    assert failure.request_id == request_id
    assert isinstance(failure.error, Unavailable)
    assert session.receive(protocol.reply_frame(request_id, {}), 10.1) == []


def test_a_fleeting_request_is_not_repeated_after_a_reconnect() -> None:
    session = live()
    session.request("queue.subscribe", {}, 0.0, fleeting=True)
    session.disconnected()
    assert [frame["method"] for frame in greet(session, 1.0)] == ["ping"]


def test_an_abandoned_change_is_not_repeated() -> None:
    session = live()
    session.abandon(session.request("tickets.join", {"service": "A"}, 0.0, keyed=True))
    session.disconnected()
    assert [frame["method"] for frame in greet(session, 1.0)] == ["ping"]


def test_a_change_answered_unavailable_is_tried_again_with_its_key_for_ten_seconds() -> None:
    session = live()
    request_id = session.request("queue.call_next", {"counter": "R1"}, 0.0, keyed=True)
    [first] = sent(session)
    unavailable = protocol.error_frame(request_id, Unavailable(retry_after=2))
    assert session.receive(unavailable, 0.1) == []
    session.tick(2.0)
    assert sent(session) == []
    session.tick(2.2)
    assert sent(session) == [first]
    [failure] = session.receive(unavailable, 10.5)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, Unavailable)


def test_a_change_fails_when_its_patience_ends() -> None:
    session = live()
    hurried = session.request("queue.call_next", {"counter": "R1"}, 0.0, keyed=True, patience=4.0)
    patient = session.request("tickets.join", {"service": "A"}, 0.0, keyed=True, patience=inf)
    assert session.key_of(hurried) == sent(session)[0]["params"]["key"]
    unavailable = protocol.error_frame(hurried, Unavailable(retry_after=9))
    assert session.receive(unavailable, 3.9) == []
    session.disconnected()
    assert session.tick(3.9) == []
    [failure] = session.tick(4.0)
    assert isinstance(failure, Failure)
    assert (failure.request_id, failure.error.message[-22:]) == (hurried, "it may have been done.")
    assert session.key_of(hurried) is None
    assert [frame["id"] for frame in greet(session, 3600.0)][:1] == [patient]
    assert session.receive(protocol.error_frame(patient, Unavailable()), 3601.0) == []


def test_a_refusal_fails_the_request_at_once() -> None:
    session = live()
    request_id = session.request("queue.call_next", {"counter": "R1"}, 0.0, keyed=True)
    [failure] = session.receive(protocol.error_frame(request_id, Forbidden()), 0.1)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, Forbidden)


def test_pushes_are_passed_on() -> None:
    [push] = live().receive(protocol.push_frame("config.changed", {"revision": 2}), 0.0)
    assert isinstance(push, Push)
    assert (push.method, json.loads(bytes(push.params))) == ("config.changed", {"revision": 2})


def test_an_idle_session_pings_and_measures_the_latency() -> None:
    session = live(0.0)
    session.tick(4.9)
    assert sent(session) == []
    session.receive(protocol.push_frame("services.changed", {"services": []}), 4.95)
    session.tick(5.0)
    [ping] = sent(session)
    assert ping["method"] == "ping"
    [told] = session.receive(protocol.reply_frame(ping["id"], {"time": NOW}), 5.25)
    assert session.latency == pytest.approx(0.25)
    assert isinstance(told, TimeTold)
    assert told.time == NOW + timedelta(seconds=0.125)


def test_a_hub_is_lost_while_it_does_not_answer_and_live_when_it_answers() -> None:
    session = live(0.0)
    session.tick(5.0)
    [ping] = sent(session)
    session.tick(8.9)
    assert state(session) is ConnectionState.LIVE
    session.tick(9.0)
    assert state(session) is ConnectionState.LOST
    assert not session.is_dead(14.9)
    assert session.is_dead(15.0)
    session.receive(protocol.reply_frame(ping["id"], {"time": NOW}), 15.1)
    assert state(session) is ConnectionState.LIVE
    assert not session.is_dead(15.2)


def test_a_hub_that_owes_an_answer_is_stalled_even_before_hello() -> None:
    session = ClientSession(PERSON, "test")
    session.connected(0.0)
    assert not session.is_stalled(3.9)
    assert session.is_stalled(4.0)
    greet(session, 10.0)
    assert session.is_stalled(14.0)
    session.receive(protocol.push_frame("services.changed", {"services": []}), 14.1)
    assert not session.is_stalled(18.0)


@pytest.mark.parametrize(
    ("credentials", "error", "final"),
    [
        (PERSON, Unauthenticated(), True),
        (PERSON, RateLimited(retry_after=30), True),
        (PERSON, Unavailable(), False),
        (DeviceCredentials("t"), Unauthenticated(), True),
        (DeviceCredentials("t"), Forbidden(), True),
        (DeviceCredentials("t"), RateLimited(), False),
    ],
)
def test_a_refused_hello(
    credentials: PersonCredentials | DeviceCredentials, error: HubError, final: bool
) -> None:
    session = ClientSession(credentials, "test")
    session.connected(0.0)
    [hello] = sent(session)
    [event] = session.receive(protocol.error_frame(hello["id"], error), 0.1)
    assert isinstance(event, HelloRefused)
    assert event.final is final
    session.disconnected()
    assert state(session) is (ConnectionState.REFUSED if final else ConnectionState.LOST)


def test_a_refused_client_that_is_accepted_later_lives() -> None:
    session = ClientSession(DeviceCredentials("t"), "test")
    session.connected(0.0)
    [hello] = sent(session)
    session.receive(protocol.error_frame(hello["id"], Unauthenticated()), 0.1)
    session.disconnected()
    greet(session, 6.0)
    assert state(session) is ConnectionState.LIVE


def test_an_answer_without_a_request_is_ignored_and_a_malformed_frame_raises() -> None:
    session = live()
    assert session.receive(protocol.reply_frame(99, {}), 0.0) == []
    assert session.receive(protocol.reply_frame("x", {}), 0.0) == []
    assert session.receive(protocol.error_frame(None, InvalidRequest()), 0.0) == []
    with pytest.raises(HubError):
        session.receive(b"hello?", 0.0)
