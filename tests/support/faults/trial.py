"""A trial: a clinic's database, hubs and a crowd; faults while the crowd works, and a verdict when it rests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic
from typing import Any

from sqlalchemy import Engine, create_engine, text

from core.wire.client_timings import USUAL
from core.wire.session import DeviceCredentials, SessionCredentials
from server.administration import people_and_devices
from server.door.access import secret_hash
from tests.support.faults.crowd import Role
from tests.support.faults.crowd_process import CrowdProcess, Part
from tests.support.faults.verdict import counted, database_lines, judged
from tests.support.hub_process import HubProcess
from tests.support.scene import furnish
from tests.support.waiting import WAIT_SECONDS, wait_until

REPEATED = 15
"""Number of acknowledged changes that each client repeats before the verdict."""


class Trial:
    """A clinic under faults.

    Attributes:
        engine: on its database.
        hubs: all on that database; a client knows all their addresses.
        crowd: the processes of its clients.
        timings: of clients that are admitted from now on.
    """

    def __init__(self, url: str, folder: Path, *, seed: int = 1) -> None:
        self.random = Random(seed)
        self.hubs: list[HubProcess] = []
        self.crowd: list[CrowdProcess] = []
        self.timings = USUAL
        self.engine: Engine = create_engine(url, pool_pre_ping=True)
        self.url = url
        self.folder = folder
        self.folder.mkdir(exist_ok=True)
        self._seed = seed
        self._scene = furnish(self.engine, services=2, counters=4, users=6)

    def start_hub(self, database_url: str | None = None) -> HubProcess:
        """Starts another hub, with another URL of the database if it is given."""
        hub = HubProcess(database_url or self.url)
        self.hubs.append(hub)
        return hub

    def kill_hub(self, hub: HubProcess, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Kills a hub (SIGKILL), calls `meanwhile`, and restarts the hub as a service manager does."""
        hub.kill()
        meanwhile()
        self.restart_hub(hub)

    def restart_hub(self, hub: HubProcess) -> None:
        """Starts a hub until it keeps running: without a database a hub ends at once."""
        deadline = monotonic() + WAIT_SECONDS
        while True:
            try:
                return hub.restart()
            except EOFError:
                if monotonic() > deadline:
                    raise
                Event().wait(0.05)

    def admit(self, roles: Sequence[Role], urls: Sequence[str]) -> CrowdProcess:
        """Starts a process with these clients, and lets them work."""
        process = CrowdProcess(Part(tuple(roles), tuple(urls), self.folder, self._seed, self.timings))
        self.crowd.append(process)
        process.ask("work")
        return process

    def dismiss(self, part: CrowdProcess) -> None:
        """Kills a process of the crowd for good: its people closed their windows."""
        self.crowd.remove(part)
        part.close()

    def admit_crowd(self, urls: Sequence[str], others: Sequence[str] = ()) -> None:
        """Starts kiosks, desks, supervisors and walls in two processes; the second may use other addresses."""
        for number, addresses in enumerate((urls, others or urls)):
            desks = [self.person(2 * number + n, f"D{2 * number + n + 1}") for n in range(2)]
            supervisor = self.person(4 + number, f"D{2 * number + 1}", supervises=True)
            devices = [self.device("kiosk"), self.device("kiosk"), self.device("monitor")]
            self.admit([*desks, supervisor, *devices], addresses)

    def person(self, number: int, counter: str, *, supervises: bool = False) -> Role:
        """Returns the role of a member of staff with a session."""
        session, user = secrets.token_urlsafe(32), self._scene.users[number]
        role = "supervisor" if supervises else "staff"
        with self.engine.begin() as connection:
            connection.execute(
                text("UPDATE users SET role = :role WHERE id = :id"), {"role": role, "id": user}
            )
            connection.execute(
                text(
                    "INSERT INTO sessions (token_hash, user_id, expires_at) "
                    "VALUES (:hash, :user, now() + interval '30 days')"
                ),
                {"hash": secret_hash(session), "user": user},
            )
        return Role(f"user:{user}", "desk", SessionCredentials(session), counter, supervises)

    def device(self, role: str) -> Role:
        """Returns the role of a new kiosk or monitor."""
        token = people_and_devices.add_device(self.engine, f"{role} {secrets.token_hex(4)}", role)
        with self.engine.connect() as connection:
            found = connection.execute(
                text("SELECT id FROM devices WHERE token_hash = :hash"), {"hash": secret_hash(token)}
            )
            actor = f"device:{found.scalar_one()}"
        return Role(actor, "kiosk" if role == "kiosk" else "wall", DeviceCredentials(token), pause=0.2)

    def wait_for_answers(self, more: int = 1) -> None:
        """Waits until every process with busy clients got `more` further answers."""
        wanted = [(part, part.answers + more) for part in self.crowd if part.is_busy]
        wait_until(lambda: all(part.answers >= count for part, count in wanted), "the crowd to be answered")

    def wait_for_all_clients(self) -> None:
        """Waits until every busy client got a further answer."""
        wanted = [(part, part.least_answers + 1) for part in self.crowd if part.is_busy]
        wait_until(lambda: all(part.least_answers >= n for part, n in wanted), "every client to be answered")

    def random_pause(self, seconds: float) -> None:
        """Waits for a random part of `seconds`."""
        Event().wait(self.random.uniform(0, seconds))

    def verdict(self) -> dict[str, Any]:
        """Lets the crowd rest and returns the findings by kind (`judged`); afterwards the crowd works again."""
        wrong: dict[str, Any] = {"in trouble": self.sentences("rest", WAIT_SECONDS)}
        if not wrong["in trouble"]:
            revisions = self.revisions()
            wrong["not converged"] = self.not_converged(revisions)
            wrong["window differs from database"] = self.shown_otherwise(revisions)
            wrong["repeated with another result"] = self.sentences("repeat", REPEATED)
            wrong["changed by repeating"] = [] if revisions == self.revisions() else [self.revisions()]
        wrong |= judged(self.engine, self.folder)
        self.ask_all("work")
        return {what: found for what, found in wrong.items() if found}

    def not_converged(self, revisions: dict[str, int]) -> list[str]:
        """Returns the actors whose clients were not live and current in time."""
        wanted = {role.actor for part in self.crowd for role in part.part.roles}
        came = self.ask_all("converge", revisions, WAIT_SECONDS)
        return sorted(wanted - {actor for part in came for actor in part})

    def shown_otherwise(self, revisions: dict[str, int]) -> list[Any]:
        """Returns differences between windows and database: actor, member, shown and stored value; three at most."""
        true = database_lines(self.engine)
        shown = {actor: lines for part in self.ask_all("show", revisions) for actor, lines in part.items()}
        return [
            (actor, name, lines[code][name], line[name])
            for actor, lines in shown.items()
            for code, line in true.items()
            for name in line
            if lines[code][name] != line[name]
        ][:3]

    def revisions(self) -> dict[str, int]:
        """Returns the revision of each line."""
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT code, revision FROM services"))
            return {code: int(revision) for code, revision in rows}

    def ask_all(self, *order: Any) -> list[Any]:
        """Sends an order to every process of the crowd at once; returns their answers."""
        with ThreadPoolExecutor(max(1, len(self.crowd))) as pool:
            return list(pool.map(lambda part: part.ask(*order), self.crowd))

    def sentences(self, *order: Any) -> list[str]:
        """Returns the sentences that all processes of the crowd answer to an order."""
        return [sentence for part in self.ask_all(*order) for sentence in part]

    def counted(self) -> dict[str, int]:
        """Counts what the crowd did."""
        return counted(self.folder)

    def close(self) -> None:
        """Kills the crowd and the hubs."""
        for part in self.crowd:
            part.close()
        for hub in self.hubs:
            hub.kill()
        self.engine.dispose()
