"""Creates and revokes users and devices, and creates services and counters. Each change is recorded in `admin_events`.

`server.administration.clinic_settings` changes services and counters later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from core.errors import SetupError
from server.door.access import PAIRING_LIFETIME, hash_password, new_pairing_code, new_token, secret_hash
from server.schema.engine import wake_hubs
from server.schema.tables import counter_services, counters, devices, pairing_codes, services, users

ACTOR = "command line"
SHORTEST_PASSWORD = 8


def add_user(engine: Engine, username: str, role: str, password: str) -> None:
    """Creates an account. Raises SetupError for a password shorter than `SHORTEST_PASSWORD` characters."""
    if len(password) < SHORTEST_PASSWORD:
        raise SetupError(f"The password needs at least {SHORTEST_PASSWORD} characters.")
    with engine.begin() as connection:
        values = {"username": username, "display_name": username, "role": role}
        connection.execute(insert(users).values(**values, password_hash=hash_password(password)))
        log_act(connection, "user_added", username, role=role)


def disable_user(engine: Engine, username: str) -> None:
    """Disables an account; every hub ends its sessions and connections within about 1 s."""
    with engine.begin() as connection:
        match = func.lower(users.c.username) == username.lower()
        changed = connection.execute(update(users).where(match).values(disabled_at=datetime.now(UTC)))
        _expect_one(changed.rowcount, f"There is no user {username}.")
        log_act(connection, "user_disabled", username)


def list_users(engine: Engine) -> Iterable[str]:
    """Lines of text: name, role, state and actor of each account; events and logs show the actor."""
    query = select(users.c.id, users.c.username, users.c.role, users.c.disabled_at).order_by(users.c.id)
    with engine.connect() as connection:
        for number, username, role, disabled_at in connection.execute(query):
            yield f"{username}\t{role}\t{'disabled' if disabled_at else 'active'}\tuser:{number}"


def add_device(engine: Engine, name: str, role: str) -> str:
    """Creates a device and returns its token, which can't be read again."""
    token = new_token()
    with engine.begin() as connection:
        _insert_device(connection, name, role, secret_hash(token))
    return token


def pair_device(engine: Engine, role: str, name: str | None) -> str:
    """Creates a device and returns its pairing code, which it exchanges for a token within `PAIRING_LIFETIME`."""
    code = new_pairing_code()
    with engine.begin() as connection:
        device = _insert_device(connection, name or role.capitalize(), role, None)
        expires_at = datetime.now(UTC) + PAIRING_LIFETIME
        values = {"code_hash": secret_hash(code), "device_id": device, "expires_at": expires_at}
        connection.execute(insert(pairing_codes).values(**values))
    return code


def revoke_device(engine: Engine, name: str) -> None:
    """Revokes a device's token; every hub closes its connections within about 1 s. Raises SetupError."""
    with engine.begin() as connection:
        match = (devices.c.name == name) | (devices.c.code == name)
        changed = connection.execute(update(devices).where(match).values(revoked_at=datetime.now(UTC)))
        if changed.rowcount == 0:
            raise SetupError(f"There is no device {name}.")
        log_act(connection, "device_revoked", name)


def list_devices(engine: Engine) -> Iterable[str]:
    """Lines of text: code, name, role, state and actor of each device; events and logs show the actor."""
    columns = (devices.c.id, devices.c.code, devices.c.name, devices.c.role, devices.c.token_hash)
    query = select(*columns, devices.c.revoked_at).order_by(devices.c.id)
    with engine.connect() as connection:
        for number, code, name, role, token_hash, revoked_at in connection.execute(query):
            state = "revoked" if revoked_at else "active" if token_hash else "waiting to be paired"
            yield f"{code}\t{name}\t{role}\t{state}\tdevice:{number}"


def add_service(engine: Engine, code: str, name: str, prefix: str | None, icon: str | None = None) -> None:
    """Creates a service; the prefix of its ticket numbers is the code's first letter by default."""
    with engine.begin() as connection:
        place = connection.execute(select(func.count()).select_from(services)).scalar_one()
        values = {
            "code": code,
            "name": name,
            "prefix": (prefix or code[:1]).upper(),
            "icon": icon,
            "sort_order": place,
        }
        connection.execute(insert(services).values(**values))
        log_act(connection, "service_added", code, prefix=values["prefix"])


def add_counter(engine: Engine, code: str, name: str, service_codes: list[str]) -> None:
    """Creates a counter that serves these services in this order. Raises SetupError for an unknown service."""
    with engine.begin() as connection:
        made = connection.execute(insert(counters).values(code=code, name=name).returning(counters.c.id))
        let_serve(connection, made.scalar_one(), service_codes)
        log_act(connection, "counter_added", code, services=service_codes)


def let_serve(connection: Connection, counter: int, service_codes: list[str]) -> None:
    """Sets a counter's services in this order. Raises SetupError for an unknown or a repeated service."""
    query = select(services.c.id, services.c.code).order_by(services.c.id)
    known = {row.code: row.id for row in connection.execute(query)}
    unknown = [service for service in service_codes if service not in known]
    if unknown:
        raise SetupError(
            f"There is no service {', '.join(unknown)}. Known: {', '.join(known) or 'none yet'}."
        )
    if len(set(service_codes)) < len(service_codes):
        raise SetupError("A service stands twice in that list: write each once.")
    connection.execute(delete(counter_services).where(counter_services.c.counter_id == counter))
    for place, service in enumerate(service_codes, start=1):
        values = {"counter_id": counter, "service_id": known[service], "place": place}
        connection.execute(insert(counter_services).values(**values))


def _insert_device(connection: Connection, name: str, role: str, token_hash: bytes | None) -> int:
    code = _free_code(connection, name)
    values = {"code": code, "name": name, "role": role, "token_hash": token_hash}
    device: int = connection.execute(insert(devices).values(**values).returning(devices.c.id)).scalar_one()
    log_act(connection, "device_added", code, role=role)
    return device


def _free_code(connection: Connection, name: str) -> str:
    wish = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "device"
    taken = set(connection.execute(select(devices.c.code)).scalars())
    return next(
        code for n in range(1, len(taken) + 2) if (code := wish if n == 1 else f"{wish}-{n}") not in taken
    )


def _expect_one(rows: int, otherwise: str) -> None:
    if rows != 1:
        raise SetupError(otherwise)


def log_act(connection: Connection, kind: str, subject: str, **details: Any) -> None:
    """Appends an event to `admin_events` and notifies the hubs, which poll when the transaction commits."""
    statement = text("SELECT append_admin_event(:actor, :kind, :subject, CAST(:details AS jsonb))")
    values = {"actor": ACTOR, "kind": kind, "subject": subject, "details": json.dumps(details)}
    connection.execute(statement, values)
    wake_hubs(connection)
