"""Sentences that windows show, made from figures, names and times. Pure text: no Qt, no clock. English only so far."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from math import ceil
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.line.tickets import CounterSummary, Priority, ServiceSummary, WaitBracket

LANGUAGE = "en"

WELCOME = ("What are you\nhere for today?", "Touch a service to take your number.")
ALL_CLOSED = ("We are closed\nat the moment", "Please come back later, or ask at reception.")
NO_SERVICES = ("Please ask\nat reception", "There is nothing to choose from on this screen yet.")
HELP = "Need help? Please ask at reception."
ONE_MOMENT = ("One moment, please", "Your number is on its way.")
STARTING = ("One moment, please", "This screen is getting ready.")
TAKES_LONGER = ("This takes longer than usual", "Please wait a moment more, or ask at reception.")
OFFLINE = (
    "Please ask at reception",
    "This screen can't give numbers at the moment. It keeps trying by itself.",
)
OFFLINE_REFUSED = ("Please ask at reception", "This screen can't give numbers at the moment.")
OFFLINE_OWED = (
    "Please ask at reception",
    "Your number could not be fetched yet. If it appears here in the next minute, it is yours.",
)
"""Heading and sentence of each kiosk page."""

KEEP_NUMBER = "Please remember your number"
YOUR_NUMBER = "Your number"
YOU_ARE_NEXT = "You are next"
NO_COUNTER = ("No counter is open yet", "You keep your place.")
LIKELY_WAIT = "likely wait,\nfrom"
WHERE_TO_WAIT = (
    "Take a seat, please. When it is your turn, your number appears on the screen with where to go."
)
DONE = "Done"
"""The kiosk's ticket page."""

NOW_CALLING = "Now calling"
LAST_CALLED = "Last called"
NEXT = "Next"
NOTHING_CALLED = ("Welcome", "Your number appears here when it is your turn.")
WALL_CLOSED = "We are closed at the moment"
WALL_STARTING = ("One moment, please", "This screen is getting ready.")
WALL_LOST = ("Please ask at reception", "This screen can't show the numbers at the moment.")
MISSED_YOURS = "Missed your number? Ask at reception."
"""The wall monitor."""

NO_ANSWER = "That did not work just now. Please touch again, or ask at reception."

_PRIORITIES: dict[Priority, str] = {"high": "High", "medium": "Medium", "low": "Low"}
_REFUSALS = {
    "service_closed": "This service takes no patients at the moment. Please ask at reception.",
    "service_full": "This service has given its last number for today. Please ask at reception.",
    "unknown_service": "This service is not offered any more. Please choose another one.",
    "rate_limited": "That was too fast. Please wait a moment, then touch again.",
    "unavailable": NO_ANSWER,
}


def people_ahead(count: int) -> str:
    """`3 people ahead`, `1 person ahead`, `No one ahead of you`."""
    return f"{count} {people_ahead_label(count)}" if count > 0 else "No one ahead of you"


def people_ahead_label(count: int) -> str:
    """Label under the figure: `person ahead`, `people ahead`."""
    return "person ahead" if count == 1 else "people ahead"


def wait_bracket(wait: WaitBracket | None, about: bool = True) -> str:
    """`about 10–20 min`, `less than 5 min`, `about 2–3 hours`; "" without an estimate.

    Both ends are rounded up to five minutes. `about=False` omits the word "about".
    """
    if wait is None or wait.high <= 0:
        return ""
    low, high = (ceil(seconds / 300) * 5 for seconds in (max(0, wait.low), wait.high))
    prefix = "about " if about else ""
    if low >= 120:
        return prefix + _range(low // 60, ceil(high / 60), "hours")
    if low == 0:
        return f"less than {high} min"
    return prefix + _range(low, high, "min")


def _range(low: int, high: int, unit: str) -> str:
    return f"{low} {unit}" if low >= high else f"{low}–{high} {unit}"


def minutes(seconds: float) -> str:
    """An elapsed time: `less than 1 min`, `12 min`, `1 h 05 min`."""
    whole = int(max(0.0, seconds) // 60)
    if whole < 1:
        return "less than 1 min"
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60:02d} min"


def service_details(service: ServiceSummary, zone: tzinfo, now: datetime) -> tuple[str, ...]:
    """Text under a service's name on its card: one or two short parts; the first is never empty."""
    if service.state == "open":
        if service.ahead is None:
            return (NO_COUNTER[0],)
        wait = wait_bracket(service.estimated_wait) if service.ahead else ""
        return (people_ahead(service.ahead), wait) if wait else (people_ahead(service.ahead),)
    word = {"paused": "Paused for a while", "full": "No more numbers today", "closed": "Closed"}[
        service.state
    ]
    if service.state == "closed" and service.opens_at is not None:
        return (word, opens_at(service.opens_at, zone, now))
    return (word,)


def opens_at(moment: datetime, zone: tzinfo, now: datetime) -> str:
    """`opens at 13:00`, `opens tomorrow at 08:00`, `opens Monday at 08:00`."""
    days = (moment.astimezone(zone).date() - now.astimezone(zone).date()).days
    time = clock(moment, zone)
    if days <= 0:
        return f"opens at {time}"
    if days == 1:
        return f"opens tomorrow at {time}"
    if days < 7:
        return f"opens {moment.astimezone(zone):%A} at {time}"
    return f"opens on {moment.astimezone(zone):%d %B} at {time}"


def service_name(service: ServiceSummary, language: str = LANGUAGE) -> str:
    """The service's name in `language`; without a translation, the name that the site gave it."""
    return service.names.get(language) or service.name


def counter_name(code: str | None, counters: Iterable[CounterSummary], language: str = LANGUAGE) -> str:
    """The counter's name in `language`; `Counter CODE` for an unknown code, "" for None."""
    if code is None:
        return ""
    for counter in counters:
        if counter.code == code:
            return counter.names.get(language) or counter.name
    return f"Counter {code}"


def stale_since(clock: str) -> str:
    """Sentence of the wall monitor while its numbers may be out of date."""
    return f"Not up to date since {clock}. Please ask at reception."


def missed_numbers(numbers: Iterable[str]) -> str:
    """Sentence of the wall monitor: today's missed numbers, or `MISSED_YOURS` without any."""
    listed = ", ".join(numbers)
    return f"Missed: {listed}. Ask at reception." if listed else MISSED_YOURS


def priority_name(priority: Priority) -> str:
    """`High`, `Medium`, `Low`."""
    return _PRIORITIES[priority]


def for_staff(message: str) -> str:
    """Marks a sentence on a public screen as meant for staff, not for patients."""
    return f"For staff: {message}"


def refusal(reason: str, message: str) -> str:
    """Sentence for a patient whose request the hub refused; `message` is the hub's own sentence."""
    return _REFUSALS.get(reason) or message or NO_ANSWER


def spoken_number(number: str) -> str:
    """A ticket's number as text for a voice: `A, zero one two`."""
    digits = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    letters = " ".join(sign for sign in number if sign.isalpha())
    figures = " ".join(digits[int(sign)] for sign in number if sign in "0123456789")
    return ", ".join(part for part in (letters, figures) if part)


def announcement(number: str, counter: str) -> str:
    """`Ticket A, zero one two, Counter 3`."""
    return f"Ticket {spoken_number(number)}" + (f", {counter}" if counter else "")


def clock(moment: datetime, zone: tzinfo) -> str:
    """`10:42`, in the site's time zone."""
    return f"{moment.astimezone(zone):%H:%M}"


@lru_cache(maxsize=8)
def time_zone(name: str | None) -> tzinfo:
    """The time zone of that IANA name; UTC for None and for a name that this machine does not know."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
