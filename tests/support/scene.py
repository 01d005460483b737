"""A clinic for many concurrent processes: services, counters that serve them, and an account for each process."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text

from server.administration import people_and_devices

PROCESSES = 16


@dataclass(frozen=True)
class Scene:
    """A database, its services and counters by code, and the ids of its users (`furnish`)."""

    url: str
    services: tuple[str, ...]
    counters: tuple[str, ...]
    users: tuple[int, ...]


def furnish(engine: Engine, services: int, counters: int, users: int = PROCESSES) -> Scene:
    """Adds services S1, S2 …, users, and counters that serve all services, each in another order."""
    codes = tuple(f"S{n + 1}" for n in range(services))
    for n, code in enumerate(codes):
        people_and_devices.add_service(engine, code, f"Service {n + 1}", chr(ord("N") + n))
    for n in range(counters):
        order = [*codes[n % services :], *codes[: n % services]]
        people_and_devices.add_counter(engine, f"D{n + 1}", f"Desk {n + 1}", order)
    insert = (
        "INSERT INTO users (username, name_key, display_name, display_key, role, password_hash) "
        "SELECT name, name, name, name, 'supervisor', '' FROM (SELECT 'worker ' || n AS name "
        "FROM generate_series(1, :users) n) workers RETURNING id"
    )
    with engine.begin() as connection:
        ids = tuple(connection.execute(text(insert), {"users": users}).scalars())
        connection.execute(
            text("UPDATE services SET no_shows = 2, head_start = '10 minutes' WHERE code = 'S2'")
        )
    url = engine.url.render_as_string(hide_password=False)
    return Scene(url, codes, tuple(f"D{n + 1}" for n in range(counters)), ids)
