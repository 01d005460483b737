"""Each pair of faults at the same time: most catastrophic failures need two faults (Yuan et al., OSDI 2014).

After each pair every client works and is current again, and no change is lost, doubled or shown wrongly.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from random import Random
from threading import Event

import psycopg
import pytest

from tests.support.faults.bad_wires import Wire, bad_wires
from tests.support.faults.killable_server import KillableServer, through
from tests.support.faults.trial import Trial
from tests.support.hub_process import HubProcess
from tests.support.proof_size import LONG, proof_size

pytestmark = [pytest.mark.long, pytest.mark.logs_expected]

PAIRS_IN_A_TRIAL = proof_size(3, 5)
OVERLAP_SECONDS = 0.5


@dataclass
class Ward:
    """A trial with fault proxies: between hub and database, and between half of the clients and the hub."""

    trial: Trial
    server: KillableServer
    hub: HubProcess
    client_wire: Wire
    database_wire: Wire


def wait(seconds: float) -> None:
    Event().wait(seconds)


def hub_killed(ward: Ward) -> None:
    ward.trial.kill_hub(ward.hub)


def hub_frozen(ward: Ward) -> None:
    pid = ward.hub.pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        wait(5)
        os.kill(pid, signal.SIGCONT)


def database_stopped(ward: Ward) -> None:
    ward.server.kill("immediate stop")
    ward.server.start()


def connections_terminated(ward: Ward) -> None:
    with contextlib.suppress(psycopg.OperationalError):
        ward.server.terminate_clients()


def clients_cut(ward: Ward) -> None:
    ward.client_wire.cut(refuse=True)
    wait(1)
    ward.client_wire.heal()


def clients_frozen(ward: Ward) -> None:
    ward.client_wire.freeze()
    wait(5)
    ward.client_wire.heal()


def clients_half_open(ward: Ward) -> None:
    ward.client_wire.make_half_open()


def clients_sliced(ward: Ward) -> None:
    ward.client_wire.both_ways(slice_bytes=3)
    wait(2)
    ward.client_wire.both_ways(slice_bytes=0)


def clients_slow(ward: Ward) -> None:
    ward.client_wire.both_ways(bytes_per_second=8_000, delay=0.2)
    wait(3)
    ward.client_wire.both_ways(bytes_per_second=0, delay=0)


def clients_reset(ward: Ward) -> None:
    ward.client_wire.reset()


def clients_cut_in_a_frame(ward: Ward) -> None:
    ward.client_wire.both_ways(cut_after=1000)
    wait(0.5)
    ward.client_wire.both_ways(cut_after=1000)
    wait(0.5)
    ward.client_wire.both_ways(cut_after=None)


def database_cut(ward: Ward) -> None:
    ward.database_wire.cut(refuse=True)
    wait(1)
    ward.database_wire.heal()


def database_frozen(ward: Ward) -> None:
    ward.database_wire.freeze()
    wait(3)
    ward.database_wire.heal()


def database_far_away(ward: Ward) -> None:
    ward.database_wire.both_ways(delay=0.1)
    wait(2)
    ward.database_wire.both_ways(delay=0)


Fault = Callable[[Ward], None]
FAULTS: list[Fault] = [
    hub_killed,
    hub_frozen,
    database_stopped,
    connections_terminated,
    clients_cut,
    clients_frozen,
    clients_half_open,
    clients_sliced,
    clients_slow,
    clients_reset,
    clients_cut_in_a_frame,
    database_cut,
    database_frozen,
    database_far_away,
]
PAIRS = list(combinations(FAULTS, 2))
Random(4390).shuffle(PAIRS)  # the first three pairs hold six different faults
TRIALS = [PAIRS[start : start + PAIRS_IN_A_TRIAL] for start in range(0, len(PAIRS), PAIRS_IN_A_TRIAL)]


@pytest.fixture
def ward(killable: KillableServer, new_trial: Callable[..., Trial]) -> Iterator[Ward]:
    trial = new_trial()
    with bad_wires(killable.socket_file) as [database_wire]:
        hub = trial.start_hub(through(trial.url, database_wire.port))
        with bad_wires(("127.0.0.1", hub.port)) as [client_wire]:
            trial.admit_crowd([hub.url], [f"ws://127.0.0.1:{client_wire.port}/ws"])
            yield Ward(trial, killable, hub, client_wire, database_wire)


@pytest.mark.parametrize("pairs", TRIALS if LONG else TRIALS[:1])
def test_two_faults_at_once(ward: Ward, pairs: list[tuple[Fault, Fault]]) -> None:
    for fault, concurrent in pairs:
        ward.trial.wait_for_answers(3)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(fault, ward)
            ward.trial.random_pause(OVERLAP_SECONDS)
            second = pool.submit(concurrent, ward)
            first.result()
            second.result()
        ward.trial.wait_for_all_clients()
        assert ward.trial.verdict() == {}, f"{fault.__name__} and {concurrent.__name__}"
