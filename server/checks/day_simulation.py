"""Days of a clinic that never was: patients come, wait, are called and go, by a seed. No clock, no database.

The clinic of every study of ours: two services of 5 and 12 minutes, most patients in the morning, a lunch break at each
counter, one patient in twenty who does not come when called. Whoever came first is called first, at whichever counter
gets free and serves them. Times are seconds since the doors opened.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import log, sqrt
from random import Random

from core.line.queue_rules import OpenCounter

HOUR = 3600.0
DOORS_OPEN = 8 * HOUR
"""How long tickets are issued; whoever waits then is still served."""
ARRIVALS_BY_HOUR = (1.2, 1.5, 1.5, 1.1, 0.8, 0.8, 0.7, 0.7)
LUNCH_FROM = 4 * HOUR
LUNCH_TAKES = HOUR / 2
NO_SHOWS = 0.05
NO_SHOW_TAKES = 60.0
VARIATION = 0.8


@dataclass(frozen=True)
class SimulatedService:
    """A service: which part of the patients wants it, and the mean of its consultations in seconds."""

    share: float
    mean: float


@dataclass(frozen=True)
class SimulatedClinic:
    """A clinic.

    Attributes:
        services: by code. counters: what each serves.
        load: expected work over what the counters can do while the doors are open, lunch left out.
    """

    services: dict[str, SimulatedService]
    counters: tuple[frozenset[str], ...]
    load: float

    @property
    def arrivals_per_second(self) -> float:
        """On average over the day."""
        visit = sum(
            service.share * ((1 - NO_SHOWS) * service.mean + NO_SHOWS * NO_SHOW_TAKES)
            for service in self.services.values()
        )
        return self.load * len(self.counters) * (DOORS_OPEN - LUNCH_TAKES) / visit / DOORS_OPEN


def two_services(load: float, counters: int) -> SimulatedClinic:
    """The usual clinic; every counter serves both."""
    services = {"A": SimulatedService(0.6, 300.0), "B": SimulatedService(0.4, 720.0)}
    return SimulatedClinic(services, (frozenset(services),) * counters, load)


@dataclass(eq=False)
class Patient:
    """Whoever took a ticket; `stays` is None for one who will not come. `called` is known once it happened."""

    service: str
    joined: float
    stays: float | None
    called: float = field(default=-1.0)

    @property
    def waited(self) -> float:
        """Seconds from the ticket to the call."""
        return self.called - self.joined


@dataclass
class Counter:
    """A counter; `lunch_due`: it closes when its patient has gone."""

    services: frozenset[str]
    patient: Patient | None = None
    open: bool = True
    lunch_due: bool = False


class Day:
    """One day.

    Attributes:
        now: the time.
        lines: service -> who waits, first come first. called: everybody called so far, in order.
        on_join: called before a patient enters the line. on_completed: called with a patient who was served.
    """

    def __init__(self, clinic: SimulatedClinic, random: Random) -> None:
        self.now = 0.0
        self.lines: dict[str, deque[Patient]] = {code: deque() for code in clinic.services}
        self.called: list[Patient] = []
        self.on_join: Callable[[Patient], None] = lambda _: None
        self.on_completed: Callable[[Patient], None] = lambda _: None
        self._counters = [Counter(services) for services in clinic.counters]
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        for patient in _arrivals(clinic, random):
            self._at(patient.joined, partial(self._join, patient))
        for number, counter in enumerate(self._counters):
            self._at(LUNCH_FROM + number % 4 * LUNCH_TAKES, partial(self._go_to_lunch, counter))

    @property
    def desks(self) -> list[OpenCounter]:
        """The counters that are open, as an estimate sees them."""
        return [
            OpenCounter(counter.services, counter.patient.service if counter.patient else None)
            for counter in self._counters
            if counter.open
        ]

    def run(self) -> list[Patient]:
        """Lets the day pass and returns everybody in the order of their calls."""
        while self._agenda:
            self.now, _, happens = heapq.heappop(self._agenda)
            happens()
        return self.called

    def _at(self, time: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (time, next(self._order), happens))

    def _join(self, patient: Patient) -> None:
        self.on_join(patient)
        self.lines[patient.service].append(patient)
        for counter in self._counters:
            self._call_next(counter)

    def _call_next(self, counter: Counter) -> None:
        heads = [self.lines[service][0] for service in sorted(counter.services) if self.lines[service]]
        if counter.patient is not None or not counter.open or not heads:
            return
        patient = min(heads, key=lambda head: head.joined)
        self.lines[patient.service].popleft()
        patient.called = self.now
        self.called.append(patient)
        counter.patient = patient
        stays = NO_SHOW_TAKES if patient.stays is None else patient.stays
        self._at(self.now + stays, partial(self._finish, counter, patient))

    def _finish(self, counter: Counter, patient: Patient) -> None:
        counter.patient = None
        if patient.stays is not None:
            self.on_completed(patient)
        if counter.lunch_due:
            self._go_to_lunch(counter)
        self._call_next(counter)

    def _go_to_lunch(self, counter: Counter) -> None:
        counter.lunch_due = counter.patient is not None
        if not counter.lunch_due:
            counter.open = False
            self._at(self.now + LUNCH_TAKES, partial(self._come_back, counter))

    def _come_back(self, counter: Counter) -> None:
        counter.open = True
        self._call_next(counter)


def _arrivals(clinic: SimulatedClinic, random: Random) -> list[Patient]:
    """A day's patients: a Poisson process whose rate follows the hour."""
    busiest = max(ARRIVALS_BY_HOUR)
    peak = clinic.arrivals_per_second * busiest * len(ARRIVALS_BY_HOUR) / sum(ARRIVALS_BY_HOUR)
    codes, shares = list(clinic.services), [service.share for service in clinic.services.values()]
    patients: list[Patient] = []
    now = random.expovariate(peak)
    while now < DOORS_OPEN:
        if random.random() * busiest < ARRIVALS_BY_HOUR[int(now // HOUR)]:
            service = random.choices(codes, shares)[0]
            stays = _consultation(clinic.services[service].mean, random)
            patients.append(Patient(service, now, None if random.random() < NO_SHOWS else stays))
        now += random.expovariate(peak)
    return patients


def _consultation(mean: float, random: Random) -> float:
    """Log-normal, as consultations are: most are short, some long."""
    variance = log(1 + VARIATION**2)
    return random.lognormvariate(log(mean) - variance / 2, sqrt(variance))
