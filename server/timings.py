"""The hub's intervals and timeouts."""

from __future__ import annotations

from dataclasses import dataclass

from core.wire.protocol import HELLO_SECONDS, SILENCE_SECONDS


@dataclass(frozen=True)
class Timings:
    """Intervals and timeouts in seconds. They are no settings: the code that builds a hub passes them, e.g. a test.

    Attributes:
        hello: from accepting a connection to its hello.
        silence: without a message, until the connection is gone; includes `goodbye` and two of `sweep`.
        goodbye: for a client's answer to a close frame.
        sweep: between two checks for connections that are silent or whose session has ended.
        admission: between two checks in the database for revoked tokens and sessions.
        presence: between two reports of who is connected; a report counts at most three of these as uptime.
        day: between two checks whether the daily close is due.
        tidy: between two deletions of old request keys.
        certificate: between two checks of the certificate's files.
        database: between two turns of the database watch, which polls and drops dead connections.
        own_server: between two checks whether the hub's own PostgreSQL must be started again.
        changes: between two polls for changes made outside the hub.
        estimates: between two writes of the estimates given to patients.
        paces: between two computations of one service's pace, at least.
        integrity: in which every line is checked once.
        integrity_pause: between the checks of two lines, at least.
        lateness: between two measurements of the event loop's lag.
        page: for which a page of metrics is cached.
        line: longest wait for a turn at a line.
        lock: longest wait for a row's lock in the database.
        connection: longest wait for a free connection to the database.
        call: age of a call at which the watch drops its connection as dead; above PostgreSQL's statement_timeout (10 s).
        echo: for the hub's own notification to come back; then it reconnects to listen.
    """

    hello: float = HELLO_SECONDS
    silence: float = SILENCE_SECONDS
    goodbye: float = 1.0
    sweep: float = 0.25
    admission: float = 10.0
    presence: float = 10.0
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
        """Silence after which the hub closes a connection: detected a sweep later and gone after `goodbye`."""
        return self.silence - self.goodbye - 2 * self.sweep


USUAL = Timings()
