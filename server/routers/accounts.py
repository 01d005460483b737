"""`users.*`, `devices.*`, `session.set_password` and `audit.list`: who may sign in, and what administrators did."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from core.errors import (
    AlreadyTaken,
    AmbiguousDevice,
    EditConflict,
    InvalidParams,
    LastAdmin,
    Unauthenticated,
    Unavailable,
    UnknownDevice,
    UnknownUser,
)
from core.roles import ADMIN, STAFF
from core.texts import checked_password, clean, normal_form
from core.wire.records import AuditPage, DeviceList, DeviceRecord, PairingCode, UserList, UserRecord
from server.administration.fields import DEVICE_FIELDS, USER_FIELDS, checked, device_code
from server.door.access import PAIRING_ALPHABET, PAIRING_LENGTH, PAIRING_LIFETIME, Password, secret_hash
from server.routers.clinic_settings import Changes, Version, Words
from server.routers.registry import Context, Key, Params, command

UserName = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
"""A sign-in name, in any spelling of the same name, or an actor, e.g. `user:3`."""


class UserChanges(Changes, frozen=True, kw_only=True):
    """Fields of `UserRecord`, and the password of a new account."""

    name: Words | UnsetType = UNSET
    display_name: Words | UnsetType = UNSET
    role: Literal["staff", "supervisor", "admin"] | UnsetType = UNSET
    password: Password | UnsetType = UNSET


class DeviceChanges(Changes, frozen=True, kw_only=True):
    """Fields of `DeviceRecord`."""

    name: Words | UnsetType = UNSET


class UserSaveParams(Params, frozen=True, kw_only=True):
    """`user` is its name or actor, `version` the one read; 0 creates the account `user`, with a role and a password."""

    user: UserName
    version: Version
    changes: UserChanges
    key: Key


class UserParams(Params, frozen=True, kw_only=True):
    """`user` is its name or actor."""

    user: UserName
    key: Key


class UserPasswordParams(Params, frozen=True, kw_only=True):
    """`password` has at least eight characters."""

    user: UserName
    password: Password
    key: Key


class OwnPasswordParams(Params, frozen=True, kw_only=True):
    """`password` is the one in force."""

    password: Password
    new_password: Password
    key: Key


class PairDeviceParams(Params, frozen=True, kw_only=True):
    """`name` is the new device's; by default the role."""

    role: Literal["kiosk", "monitor"]
    key: Key
    name: Words | None = None


class DeviceSaveParams(Params, frozen=True, kw_only=True):
    """`device` is its code, `version` the one read."""

    device: UserName
    version: Version
    changes: DeviceChanges
    key: Key


class DeviceParams(Params, frozen=True, kw_only=True):
    """`device` is its code, or its name if no other device has it."""

    device: UserName
    key: Key


class AuditParams(Params, frozen=True, kw_only=True):
    """`before` is the id of the oldest event that the client has."""

    before: Annotated[int, msgspec.Meta(ge=1, le=2**62)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 100


@command("users.list", ADMIN, Params, UserList, Unavailable)
async def list_users(context: Context, params: Params) -> UserList:
    """Lists every account, also the disabled ones."""
    return UserList(msgspec.convert(await context.administration.users(), tuple[UserRecord, ...]))


@command("users.save", ADMIN, UserSaveParams, UserRecord, UnknownUser, EditConflict, AlreadyTaken, LastAdmin)
async def save_user(context: Context, params: UserSaveParams) -> UserRecord:
    """Creates an account or changes its names and role. The password of an account that exists stays as it is."""
    given = params.changes.given()
    password = given.pop("password", None)
    if params.version == 0:
        given = {"name": params.user, **given}
        for needed, value in (("role", given.get("role")), ("password", password)):
            if value is None:
                raise InvalidParams(f"A new account needs a {needed}.", path=f"$.changes.{needed}")
    changes, digest = checked(USER_FIELDS, given), b""
    if params.version == 0 and password is not None:
        changes["password_hash"], digest = await context.access.hashed(
            checked_password(password), context.administration.salt
        )
    outcome = await context.administration.save_user(
        context.caller.actor, params.key, _key_of(params.user), params.version, changes, digest
    )
    _admission_changed(context)
    return msgspec.convert(outcome.result, UserRecord)


@command("users.set_password", ADMIN, UserPasswordParams, UserRecord, UnknownUser)
async def set_password(context: Context, params: UserPasswordParams) -> UserRecord:
    """Sets an account's password and ends its sessions; its person has to choose another one at the next sign-in."""
    administration = context.administration
    hashed, digest = await context.access.hashed(checked_password(params.password), administration.salt)
    outcome = await administration.set_password(
        context.caller.actor, params.key, _key_of(params.user), hashed, digest
    )
    _admission_changed(context)
    return msgspec.convert(outcome.result, UserRecord)


@command("users.disable", ADMIN, UserParams, UserRecord, UnknownUser, LastAdmin)
async def disable_user(context: Context, params: UserParams) -> UserRecord:
    """Disables an account and ends its sessions."""
    return await _switch(context, params, disabled=True)


@command("users.enable", ADMIN, UserParams, UserRecord, UnknownUser)
async def enable_user(context: Context, params: UserParams) -> UserRecord:
    """Enables a disabled account again; its person signs in anew."""
    return await _switch(context, params, disabled=False)


@command("session.set_password", STAFF, OwnPasswordParams, UserRecord, Unauthenticated)
async def set_own_password(context: Context, params: OwnPasswordParams) -> UserRecord:
    """Sets the caller's own password and ends the caller's other sessions."""
    caller, administration = context.caller, context.administration
    wanted = checked_password(params.new_password)
    await context.access.confirm(caller, params.password, wanted)
    hashed, digest = await context.access.hashed(wanted, administration.salt)
    outcome = await administration.set_password(
        caller.actor, params.key, caller.actor, hashed, digest, keep=caller.secret_hash
    )
    context.after_reply = context.access.on_sessions
    return msgspec.convert(outcome.result, UserRecord)


@command("devices.list", ADMIN, Params, DeviceList, Unavailable)
async def list_devices(context: Context, params: Params) -> DeviceList:
    """Lists every device, also the revoked ones."""
    return DeviceList(msgspec.convert(await context.administration.devices(), tuple[DeviceRecord, ...]))


@command("devices.pair", ADMIN, PairDeviceParams, PairingCode)
async def pair_device(context: Context, params: PairDeviceParams) -> PairingCode:
    """Creates a device and returns its pairing code, which works once within ten minutes."""
    administration, actor = context.administration, context.caller.actor
    name = params.role.capitalize() if params.name is None else params.name
    changes: dict[str, Any] = checked(DEVICE_FIELDS, {"name": name})
    code = administration.secret_of(actor, params.key, PAIRING_ALPHABET, PAIRING_LENGTH)
    seconds = round(PAIRING_LIFETIME.total_seconds())
    changes |= {"role": params.role, "code_hash": secret_hash(code).hex(), "code_seconds": seconds}
    outcome = await administration.save_device(
        actor, params.key, device_code(changes["name"]), version=0, changes=changes
    )
    return PairingCode(code, seconds, msgspec.convert(outcome.result, DeviceRecord))


@command("devices.save", ADMIN, DeviceSaveParams, DeviceRecord, UnknownDevice, EditConflict)
async def save_device(context: Context, params: DeviceSaveParams) -> DeviceRecord:
    """Gives a device another name."""
    changes = checked(DEVICE_FIELDS, params.changes.given())
    if params.version == 0:
        raise InvalidParams("A device is created by devices.pair.", path="$.version")
    outcome = await context.administration.save_device(
        context.caller.actor, params.key, params.device, params.version, changes
    )
    context.notifications.notify_configuration_changed()
    return msgspec.convert(outcome.result, DeviceRecord)


@command("devices.revoke", ADMIN, DeviceParams, DeviceRecord, UnknownDevice, AmbiguousDevice)
async def revoke_device(context: Context, params: DeviceParams) -> DeviceRecord:
    """Ends a device's token; its connections are closed."""
    outcome = await context.administration.revoke_device(
        context.caller.actor, params.key, params.device, normal_form(params.device)
    )
    _admission_changed(context)
    return msgspec.convert(outcome.result, DeviceRecord)


@command("audit.list", ADMIN, AuditParams, AuditPage, Unavailable)
async def list_audit(context: Context, params: AuditParams) -> AuditPage:
    """Lists what administrators and sign-ins did, newest first."""
    page = await context.administration.audit_page(params.before, params.limit)
    return msgspec.convert(page, AuditPage)


async def _switch(context: Context, params: UserParams, *, disabled: bool) -> UserRecord:
    outcome = await context.administration.switch_user(
        context.caller.actor, params.key, _key_of(params.user), disabled
    )
    _admission_changed(context)
    return msgspec.convert(outcome.result, UserRecord)


def _admission_changed(context: Context) -> None:
    """Has every hub check its clients again; this hub does so after the reply."""
    context.after_reply = context.access.on_sessions
    context.notifications.notify_configuration_changed()


def _key_of(user: str) -> str:
    return normal_form(clean(user, "The name", 200))
