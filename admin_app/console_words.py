"""Texts of the console: sentences, pills and times, computed from values. No Qt, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

from admin_app.console_flow import Action, DeskState, first_wait, held_by_another, held_by_me, wait_seconds
from core.errors import HubError, Unauthenticated
from core.line.queue_rules import rank
from core.line.tickets import CounterSummary, ServiceSummary, SignedIn, Ticket
from core.qt.look.palette import Role, Tone
from core.wording import clock, counter_name, minutes, service_name

STALE = "The hub can't reach its database: what you see may be some seconds old; nothing can be changed now"


def primary_label(state: DeskState) -> str:
    """Returns the label of the large button."""
    return "Complete and call next" if state.current is not None else "Call next"


def why_next(order: Sequence[Ticket], now: datetime) -> str:
    """Returns the sentence that names the next ticket and why it is next."""
    if not order:
        return "Nobody is waiting for this counter."
    return f"Next is {order[0].number}: {_reason(order)}, {waiting_words(wait_seconds(order[0], now))}."


def _reason(order: Sequence[Ticket]) -> str:
    head, others = order[0], order[1:]
    if head.placed_by_hand:
        return "placed first by hand"
    if not others:
        return "the only one waiting"
    if all(other.joined_at >= head.joined_at for other in others):
        return "here the longest"
    if any(rank(other) < rank(head) for other in others):
        return "of the service that comes first at this counter"
    if not any(other.priority == head.priority for other in others):
        return f"the only one with {head.priority} priority"
    return f"first of the {head.priority} priority"


def waiting_words(seconds: float) -> str:
    """Returns the end of the sentence "Next is A001: …, waiting 12 min."."""
    return "just arrived" if seconds < 60 else f"waiting {minutes(seconds)}"


def calls_words(ticket: Ticket) -> str:
    """Returns how often a ticket was called: "once", "twice", "3 times"."""
    return {1: "once", 2: "twice"}.get(ticket.calls, f"{ticket.calls} times")


def issued_words(ticket: Ticket) -> str:
    """Returns the confirmation that staff read after issuing a ticket."""
    place = f", place {ticket.position} in the line" if ticket.position else ""
    return f"{ticket.number} is issued{place}. Tell the patient the number."


def waited_words(ticket: Ticket, now: datetime) -> str:
    """Returns a ticket's wait until its first call and its calls: "waited 14 min · called once"."""
    return f"waited {minutes(first_wait(ticket, now))} · called {calls_words(ticket)}"


def stop_watch(ticket: Ticket, now: datetime) -> str:
    """Returns the time since the first call as "06:12" or "1:06:12"."""
    since = ticket.started_at or ticket.called_at or now
    seconds = max(0, int((now - since).total_seconds()))
    hours, rest = divmod(seconds, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{text}" if hours else text


_NEED_ICONS = {"interpreter": "languages", "wheelchair": "accessibility", "hearing": "ear", "sight": "eye"}


def flags(ticket: Ticket) -> list[tuple[str, Tone, str]]:
    """Returns a ticket's needs and its priority, unless it is medium, as (text, tone, icon)."""
    found: list[tuple[str, Tone, str]] = [
        (need.replace("_", " ").capitalize(), "action", _NEED_ICONS.get(need, "info"))
        for need in ticket.needs
    ]
    if ticket.priority == "high":
        found.append(("High priority", "attention", "arrow-up"))
    if ticket.priority == "low":
        found.append(("Low priority", "neutral", "arrow-down"))
    return found


def counter_pill(counter: CounterSummary) -> tuple[str, Tone, str]:
    """Returns the counter's state as (text, tone, icon)."""
    pills: dict[str, tuple[str, Tone, str]] = {
        "open": ("Open", "success", "circle-check"),
        "paused": ("Pausing", "attention", "pause"),
        "closed": ("Closed", "neutral", "door-closed"),
    }
    return pills[counter.state]


def idle_hint(state: DeskState, order: Sequence[Ticket]) -> str:
    """Returns what staff can do while no ticket is open at the counter."""
    if state.counter is not None and state.counter.state != "open":
        return "Press F10 to take patients."
    return "Press F2 to call the next patient." if order else "The next patient will show up in the line."


def called_words(before: Ticket | None, called: Ticket | None) -> str:
    """Returns what "call next" did to the ticket `before`, open until then, and to the ticket `called`.

    `called` is None if the line was empty.
    """
    if called is None:
        return f"{before.number} is completed. Nobody else is waiting." if before else "Nobody is waiting."
    return f"{before.number} completed, {called.number} called." if before else f"{called.number} is called."


def done_words(action: Action, ticket: Ticket) -> str:
    """Returns what an action did to the counter's ticket."""
    if action is Action.NO_SHOW and ticket.status == "waiting":
        return f"{ticket.number} did not come and waits again, at place {ticket.position}."
    done = {Action.RECALL: "called again", Action.COMPLETE: "completed", Action.NO_SHOW: "marked as no-show"}
    return f"{ticket.number} is {done[action]}."


def uncalled_words(before: Ticket | None, called: Ticket | None) -> str:
    """Returns what undoing "call next" did: the opposite of `called_words`."""
    words = [f"{called.number} waits again"] if called else []
    words += [f"{before.number} is with you again"] if before else []
    return f"{', '.join(words)}."


def undone_words(action: Action, ticket: Ticket) -> str:
    """Returns what undoing an action did to the counter's ticket: the opposite of `done_words`."""
    if action is Action.RECALL:
        return f"The recall of {ticket.number} is taken back."
    return f"{ticket.number} is with you again."


def guard_words(state: DeskState) -> str:
    """Returns what the large button says while a second press is ignored."""
    return f"{state.current.number} is called" if state.current is not None else "One moment"


def hint(state: DeskState, order: Sequence[Ticket], now: datetime) -> str:
    """Returns the sentence under the buttons: why they are disabled, else which ticket is next and why."""
    if state.link != "live":
        if state.pending is not None:
            return "Waiting for the hub: your last action is finished if it is back in a moment."
        return "Waiting for the hub: you can go on when it is back."
    if state.stale:
        return "Waiting for the hub's database: you can go on when it is back."
    if state.counter is not None and state.counter.state != "open":
        word = "pausing" if state.counter.state == "paused" else "closed"
        return f"This counter is {word}. Press F10 to take patients."
    return why_next(order, now)


def counter_status(counter: CounterSummary, state: DeskState) -> str:
    """Returns the text of a counter card's pill: the holder and the state."""
    if counter.state == "closed":
        return "Closed"
    if counter.held_by is None:
        return "Free" if counter.state == "open" else "Paused"
    if counter.away and not held_by_me(counter, state):
        return f"{counter.held_by} has gone"
    who = "You are here" if held_by_me(counter, state) else f"{counter.held_by} is here"
    return f"{who}, pausing" if counter.state == "paused" else who


def counter_tone(counter: CounterSummary, state: DeskState) -> Tone:
    """Returns the tone of `counter_status`: free, paused, held by the user, or not available."""
    if counter.state == "closed" or held_by_another(counter, state):
        return "neutral"
    if counter.state == "paused":
        return "attention"
    return "action" if counter.held_by else "success"


def services_of(counter: CounterSummary, services: Iterable[ServiceSummary]) -> str:
    """Returns the names of a counter's services, in the counter's order."""
    names = {service.code: service_name(service) for service in services}
    return ", ".join(names.get(code, code) for code in counter.services) or "No services yet"


def elsewhere_words(elsewhere: Sequence[SignedIn], counters: Sequence[CounterSummary], zone: tzinfo) -> str:
    """Returns where the user is signed in already: a line for each place."""
    places = []
    for place in elsewhere:
        name = counter_name(place.counter, counters) if place.counter else "No counter yet"
        places.append(f"{name}, since {clock(place.since, zone)}")
    return "\n".join(places)


def sign_in_refusal(reason: str, message: str) -> str:
    """Returns why the sign-in failed and what to do. `message`, the hub's sentence, is the default."""
    return {
        "unauthenticated": "That name and password don't match. Please type them again.",
        "password_expired": "Another person set this password. Type it again, and a new one of your own.",
    }.get(reason, message)


def connection(state: DeskState, since: str | None, latency: float | None) -> tuple[str, str, Role]:
    """Returns the connection's state as (text, icon, role of its colour).

    `since` is the time of day at which the hub was lost, `latency` is in seconds.
    """
    if state.link == "live" and state.stale:
        return STALE, "triangle-alert", "attention"
    if state.link == "live":
        delay = f" · hub {max(1, round(latency * 1000))} ms" if latency is not None else ""
        return f"Live{delay}", "wifi", "success"
    if state.link == "lost":
        return (
            f"Hub lost since {since}, trying again" if since else "Hub lost, trying again",
            "wifi-off",
            "danger",
        )
    if state.user is None:
        return "Not signed in", "lock", "text_secondary"
    return "Connecting…", "plug-zap", "text_secondary"


def signed_out(refusal: HubError | None) -> str:
    """Returns why the hub ended the session; `refusal` is the hub's error, if it sent one."""
    if refusal is None or isinstance(refusal, Unauthenticated):
        return "You were signed out. Please sign in again."
    return refusal.message
