"""Creates, changes and revokes users and devices for the command line, and creates a plain service or counter.

An invalid value raises InTurnError with a sentence, a refusal of the database DBAPIError; nothing changes then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine, select, text

from core.texts import checked_password, clean, normal_form
from server.administration import clinic_settings
from server.administration.command_acts import act
from server.administration.fields import DEVICE_FIELDS, USER_FIELDS, checked, device_code
from server.door.access import PAIRING_LIFETIME, hash_password, new_pairing_code, new_token, secret_hash
from server.schema.tables import users


def add_user(engine: Engine, username: str, role: str, password: str) -> dict[str, Any]:
    """Creates an account and returns its record. Raises InvalidParams for a password that is too short."""
    changes = checked(USER_FIELDS, {"name": username, "role": role})
    changes["password_hash"] = hash_password(checked_password(password))
    return act(engine, "save_user", changes["name_key"], 0, changes)


def set_user(engine: Engine, username: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Changes the name, the displayed name or the role of an account; returns its record."""
    changes = checked(USER_FIELDS, given)
    return act(engine, "save_user", _key(username), None, changes)


def set_password(engine: Engine, username: str, password: str, *, keep: bool = False) -> dict[str, Any]:
    """Sets an account's password and ends its sessions; unless `keep`, it must be changed at the next sign-in."""
    hashed = hash_password(checked_password(password))
    return act(engine, "set_password", _key(username), hashed, not keep)


def disable_user(engine: Engine, username: str) -> dict[str, Any]:
    """Disables an account; every hub ends its sessions and connections within about 1 s."""
    return act(engine, "switch_user", _key(username), True)


def enable_user(engine: Engine, username: str) -> dict[str, Any]:
    """Enables a disabled account again; its person signs in as before."""
    return act(engine, "switch_user", _key(username), False)


def list_users(engine: Engine) -> Iterable[str]:
    """Lines of text: name, role, state and actor of each account, and the name that colleagues read."""
    query = select(users).order_by(users.c.id)
    with engine.connect() as connection:
        for row in connection.execute(query):
            state = "disabled" if row.disabled_at else "active"
            yield f"{row.username}\t{row.role}\t{state}\tuser:{row.id}\t{row.display_name}"


def add_device(engine: Engine, name: str, role: str) -> str:
    """Creates a device and returns its token, which can't be read again."""
    token = new_token()
    _add_device(engine, name, role, {"token_hash": secret_hash(token).hex()})
    return token


def pair_device(engine: Engine, role: str, name: str | None) -> str:
    """Creates a device and returns its pairing code, which it exchanges for a token within `PAIRING_LIFETIME`."""
    code = new_pairing_code()
    seconds = round(PAIRING_LIFETIME.total_seconds())
    secrets = {"code_hash": secret_hash(code).hex(), "code_seconds": seconds}
    _add_device(engine, role.capitalize() if name is None else name, role, secrets)
    return code


def set_device(engine: Engine, code: str, name: str) -> dict[str, Any]:
    """Gives a device another name; returns its record."""
    return act(engine, "save_device", _sound(code), None, checked(DEVICE_FIELDS, {"name": name}))


def revoke_device(engine: Engine, name: str) -> dict[str, Any]:
    """Revokes the device with this code, or the only one with this name; returns its record.

    Every hub closes its connections within about 1 s.
    """
    return act(engine, "revoke_device", _sound(name), _key(name))


def list_devices(engine: Engine) -> Iterable[str]:
    """Lines of text: code, name, role, state and actor of each device; events and logs show the actor."""
    states = {"unpaired": "waiting to be paired"}
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT devices_overview()")).scalar_one()
    for row in rows:
        state = states.get(row["state"], row["state"])
        yield f"{row['code']}\t{row['name']}\t{row['role']}\t{state}\t{row['device']}"


def add_service(
    engine: Engine, code: str, name: str, prefix: str | None = None, icon: str | None = None
) -> None:
    """Creates a service with nothing but these fields."""
    given = {"name": name, "prefix": prefix, "icon": icon}
    clinic_settings.add_service(engine, code, {field: text for field, text in given.items() if text})


def add_counter(engine: Engine, code: str, name: str, service_codes: Iterable[str]) -> None:
    """Creates a counter that serves these services in this order."""
    clinic_settings.add_counter(engine, code, {"name": name, "services": ",".join(service_codes)})


def _add_device(engine: Engine, name: str, role: str, secrets: Mapping[str, Any]) -> None:
    changes = checked(DEVICE_FIELDS, {"name": name})
    act(engine, "save_device", device_code(changes["name"]), 0, {**changes, "role": role, **secrets})


def _sound(typed: str) -> str:
    """What was typed to find a record, as text that the database can take. Raises InvalidParams."""
    return clean(typed, "The name", 1000)


def _key(typed: str) -> str:
    return normal_form(_sound(typed))
