"""The hub's memory for an idle connection, plain and encrypted."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing

from tests.bench.clinic_of_screens import Screens, Side, measured
from tests.bench.readers import Readers
from tests.bench.readers import screens as devices
from tests.bench.report import Figure, Spread
from tests.support.places import CERTIFICATES

WARM_UP, CLIENTS = 50, 400
PLAIN_KB, TLS_KB = 20, 60


def figures(screens: Screens, rounds: int) -> Iterator[Figure]:
    """Growth of the resident memory per client, after the first clients have warmed the hub up."""
    ways: tuple[tuple[str, float, ssl.SSLContext | None, tuple[str, ...]], ...] = (
        ("an idle connection", PLAIN_KB, None, ()),
        ("an idle connection, TLS", TLS_KB, _trusting(), _files()),
    )
    for what, goal, context, files in ways:
        with measured(screens.url, *files) as side:
            grown = growth(side, screens, context) / 1000
        yield Figure(what, "kB", Spread(grown, grown, grown), "goal", Spread(goal, goal, goal), at_most=1.0)


def growth(side: Side, screens: Screens, context: ssl.SSLContext | None) -> float:
    """Returns bytes per client."""
    side.do("stop_change_watch")
    port = side.ports["hub"]
    with closing(Readers(devices(port, screens.monitor, WARM_UP, context))):
        before = side.do("resident")
        with closing(Readers(devices(port, screens.monitor, CLIENTS, context))):
            return float(side.do("resident") - before) / CLIENTS


def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATES / "authority.pem"))


def _files() -> tuple[str, str]:
    return str(CERTIFICATES / "valid.pem"), str(CERTIFICATES / "hub_key.pem")
