"""Simulates days of a clinic from a seed: patients join, wait, are called and leave. No clock, no database.

The usual clinic has two services of 5 and 12 minutes, most patients in the morning, a lunch break at each counter, and
5 % of patients who don't come when called. A free counter calls the patient who joined first among its services. Times
are seconds since the doors opened.
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
"""Seconds for which tickets are issued; patients who wait at the end are still served."""
ARRIVALS_BY_HOUR = (1.2, 1.5, 1.5, 1.1, 0.8, 0.8, 0.7, 0.7)
LUNCH_FROM = 4 * HOUR
LUNCH_SECONDS = HOUR / 2
NO_SHOWS = 0.05
NO_SHOW_SECONDS = 60.0
"""How long a counter waits for a patient who does not come."""
VARIATION = 0.8
"""Standard deviation of a consultation over its mean."""


@dataclass(frozen=True)
class SimulatedService:
    """A service.

    Attributes:
        share: fraction of the patients who join its line. mean: mean length of its consultations in seconds.
    """

    share: float
    mean: float


@dataclass(frozen=True)
class SimulatedClinic:
    """A clinic.

    Attributes:
        services: service code -> service.
        counters: codes of the services of each counter.
        load: expected work over the capacity of the counters while the doors are open, without lunch breaks.
    """

    services: dict[str, SimulatedService]
    counters: tuple[frozenset[str], ...]
    load: float

    @property
    def arrivals_per_second(self) -> float:
        """Mean rate of arrivals over the day."""
        visit = sum(
            service.share * ((1 - NO_SHOWS) * service.mean + NO_SHOWS * NO_SHOW_SECONDS)
            for service in self.services.values()
        )
        return self.load * len(self.counters) * (DOORS_OPEN - LUNCH_SECONDS) / visit / DOORS_OPEN


def two_services(load: float, counters: int) -> SimulatedClinic:
    """The usual clinic; every counter serves both services."""
    services = {"A": SimulatedService(0.6, 300.0), "B": SimulatedService(0.4, 720.0)}
    return SimulatedClinic(services, (frozenset(services),) * counters, load)


@dataclass(eq=False)
class Patient:
    """A patient with a ticket.

    Attributes:
        service: the service's code. joined: time of the ticket.
        consultation: length of the consultation in seconds; None for a patient who will not come.
        called: time of the call; -1 before it.
    """

    service: str
    joined: float
    consultation: float | None
    called: float = field(default=-1.0)

    @property
    def waited(self) -> float:
        """Seconds from the ticket to the call."""
        return self.called - self.joined


@dataclass
class Counter:
    """A counter. With `lunch_due`, it closes at the end of the consultation."""

    services: frozenset[str]
    patient: Patient | None = None
    open: bool = True
    lunch_due: bool = False


class Day:
    """One simulated day.

    Attributes:
        now: the simulated time.
        lines: service code -> waiting patients in the order of joining.
        called: all called patients in the order of their calls.
        on_join: called before a patient enters the line.
        on_completed: called with a patient after the consultation.
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
            self._at(LUNCH_FROM + number % 4 * LUNCH_SECONDS, partial(self._go_to_lunch, counter))

    @property
    def open_counters(self) -> list[OpenCounter]:
        """The open counters as input of a wait estimate."""
        return [
            OpenCounter(counter.services, counter.patient.service if counter.patient else None)
            for counter in self._counters
            if counter.open
        ]

    def run(self) -> list[Patient]:
        """Runs the day and returns all patients in the order of their calls."""
        while self._agenda:
            self.now, _, action = heapq.heappop(self._agenda)
            action()
        return self.called

    def _at(self, time: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (time, next(self._order), action))

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
        seconds = NO_SHOW_SECONDS if patient.consultation is None else patient.consultation
        self._at(self.now + seconds, partial(self._finish, counter, patient))

    def _finish(self, counter: Counter, patient: Patient) -> None:
        counter.patient = None
        if patient.consultation is not None:
            self.on_completed(patient)
        if counter.lunch_due:
            self._go_to_lunch(counter)
        self._call_next(counter)

    def _go_to_lunch(self, counter: Counter) -> None:
        counter.lunch_due = counter.patient is not None
        if not counter.lunch_due:
            counter.open = False
            self._at(self.now + LUNCH_SECONDS, partial(self._come_back, counter))

    def _come_back(self, counter: Counter) -> None:
        counter.open = True
        self._call_next(counter)


def _arrivals(clinic: SimulatedClinic, random: Random) -> list[Patient]:
    """A day's patients: a Poisson process with a rate for each hour."""
    busiest = max(ARRIVALS_BY_HOUR)
    peak = clinic.arrivals_per_second * busiest * len(ARRIVALS_BY_HOUR) / sum(ARRIVALS_BY_HOUR)
    codes, shares = list(clinic.services), [service.share for service in clinic.services.values()]
    patients: list[Patient] = []
    now = random.expovariate(peak)
    while now < DOORS_OPEN:
        if random.random() * busiest < ARRIVALS_BY_HOUR[int(now // HOUR)]:
            service = random.choices(codes, shares)[0]
            length = _consultation(clinic.services[service].mean, random)
            patients.append(Patient(service, now, None if random.random() < NO_SHOWS else length))
        now += random.expovariate(peak)
    return patients


def _consultation(mean: float, random: Random) -> float:
    """A random length in seconds; log-normal, as lengths of consultations are."""
    variance = log(1 + VARIATION**2)
    return random.lognormvariate(log(mean) - variance / 2, sqrt(variance))
