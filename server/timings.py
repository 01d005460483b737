"""How long a hub waits, and how often it looks."""

from __future__ import annotations

from dataclasses import dataclass

from core.wire.protocol import HELLO_SECONDS, SILENCE_SECONDS


@dataclass(frozen=True)
class Timings:
    """Seconds. No settings of the file: what builds a hub hands in others, e.g. a test that waits for one of them.

    Attributes:
        hello: from accepting a connection to its hello.
        silence: without a frame, until the connection is gone; `goodbye` and two of `sweep` are part of it.
        goodbye: for a client's answer to a close.
        sweep: between two looks for connections that are silent or whose session is over.
        admission: between two questions to the database who may stay.
        day: between two looks at the schedule of the daily close.
        tidy: between two removals of keys that no client repeats any more.
        certificate: between two looks at the files of the certificate.
        database: between two looks at a database that is away, or at calls that last long.
        own_server: between two looks whether the hub's own PostgreSQL is to be started again.
        changes: between two looks for what changed at another hub.
        estimates: between two writes of the estimates that patients were told.
        paces: between two computations of one service's pace.
        integrity: in which every line is checked once. integrity_pause: between two lines, at least.
        lateness: between two measurements of the event loop.
        page: for which a page of metrics, once made, is given to all who ask.
        line: for a turn at a line. lock: for a row of the database.
        connection: for a free connection to the database.
        call: for the answer to a call, until its connection is given up.
        echo: for the hub's own notification to come back, until it listens anew.
    """

    hello: float = HELLO_SECONDS
    silence: float = SILENCE_SECONDS
    goodbye: float = 1.0
    sweep: float = 0.25
    admission: float = 10.0
    day: float = 20.0
    tidy: float = 3600.0
    certificate: float = 5.0
    database: float = 0.25
    own_server: float = 0.5
    changes: float = 1.0
    estimates: float = 1.0
    paces: float = 10.0
    integrity: float = 300.0
    integrity_pause: float = 1.0
    lateness: float = 0.5
    page: float = 1.0
    line: float = 3.0
    lock: float = 3.0
    connection: float = 2.0
    call: float = 12.0
    echo: float = 2.0

    @property
    def silent(self) -> float:
        """Without a frame, until a client is sent away: it is noticed a sweep later and gone after the goodbye."""
        return self.silence - self.goodbye - 2 * self.sweep


USUAL = Timings()
