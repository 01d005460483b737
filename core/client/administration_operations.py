"""Methods of administration as coroutines. Each raises `HubError` when the hub refuses.

A save names the version of the record that the caller read, and the fields that change; version 0 creates. `EditConflict`
tells what changed since.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from core.wire.protocol import decode_value
from core.wire.records import (
    AuditPage,
    ClosedDayList,
    CounterRecord,
    DeviceList,
    DeviceRecord,
    PairingCode,
    Retired,
    ServiceOrder,
    ServiceRecord,
    SiteRecord,
    UserList,
    UserRecord,
)

R = TypeVar("R", bound=msgspec.Struct)
Changes = Mapping[str, Any]


class AdministrationOperations(abc.ABC):
    """The methods of administration of docs/openrpc.json, over an abstract `request_raw`."""

    @abc.abstractmethod
    async def request_raw(
        self, method: str, params: Mapping[str, Any] | None = None, *, keyed: bool = False
    ) -> msgspec.Raw:
        """Sends any method; returns its undecoded result. `keyed`: the method changes data."""

    async def service_settings(self, code: str) -> ServiceRecord:
        """Returns a service's settings; for supervisors."""
        return decode_value(await self.request_raw("services.get", {"service": code}), ServiceRecord)

    async def save_service(self, code: str, version: int, changes: Changes) -> ServiceRecord:
        """Creates or changes a service."""
        params = {"service": code, "version": version, "changes": changes}
        return await self._save("services.save", params, ServiceRecord)

    async def retire_service(self, code: str, version: int, move_to: str | None = None) -> Retired:
        """Retires a service; patients who wait go on in the line of `move_to`."""
        params = {"service": code, "version": version, "move_to": move_to}
        return await self._save("services.retire", params, Retired)

    async def order_services(self, codes: Sequence[str]) -> tuple[str, ...]:
        """Puts services in this order; returns the order of all."""
        return (await self._save("services.order", {"services": codes}, ServiceOrder)).services

    async def counter_settings(self, code: str) -> CounterRecord:
        """Returns a counter's settings; for supervisors."""
        return decode_value(await self.request_raw("counters.get", {"counter": code}), CounterRecord)

    async def save_counter(self, code: str, version: int, changes: Changes) -> CounterRecord:
        """Creates or changes a counter."""
        params = {"counter": code, "version": version, "changes": changes}
        return await self._save("counters.save", params, CounterRecord)

    async def retire_counter(self, code: str, version: int) -> Retired:
        """Retires a counter at which no patient is."""
        return await self._save("counters.retire", {"counter": code, "version": version}, Retired)

    async def site_settings(self) -> SiteRecord:
        """Returns the site's settings; for supervisors."""
        return decode_value(await self.request_raw("site.get"), SiteRecord)

    async def save_site(self, version: int, changes: Changes) -> SiteRecord:
        """Changes the site."""
        return await self._save("site.save", {"version": version, "changes": changes}, SiteRecord)

    async def closed_days(self) -> ClosedDayList:
        """Returns the closed days from today on; for supervisors."""
        return decode_value(await self.request_raw("closed_days.list"), ClosedDayList)

    async def save_closed_days(
        self, close: Sequence[Changes] = (), reopen: Sequence[Changes] = ()
    ) -> ClosedDayList:
        """Closes and opens days, each a mapping of `day` and `service`."""
        return await self._save("closed_days.save", {"close": close, "open": reopen}, ClosedDayList)

    async def list_users(self) -> tuple[UserRecord, ...]:
        """Returns every account."""
        return decode_value(await self.request_raw("users.list"), UserList).users

    async def save_user(self, user: str, version: int, changes: Changes) -> UserRecord:
        """Creates an account, with a role and a password, or changes its names and role."""
        params = {"user": user, "version": version, "changes": changes}
        return await self._save("users.save", params, UserRecord)

    async def set_password(self, user: str, password: str) -> UserRecord:
        """Sets the password of another person, who has to change it at the next sign-in."""
        return await self._save("users.set_password", {"user": user, "password": password}, UserRecord)

    async def disable_user(self, user: str) -> UserRecord:
        """Disables an account and ends its sessions."""
        return await self._save("users.disable", {"user": user}, UserRecord)

    async def enable_user(self, user: str) -> UserRecord:
        """Enables a disabled account again."""
        return await self._save("users.enable", {"user": user}, UserRecord)

    async def set_own_password(self, password: str, new_password: str) -> UserRecord:
        """Sets the caller's own password; `password` is the one in force."""
        params = {"password": password, "new_password": new_password}
        return await self._save("session.set_password", params, UserRecord)

    async def list_devices(self) -> tuple[DeviceRecord, ...]:
        """Returns every device, also the revoked ones."""
        return decode_value(await self.request_raw("devices.list"), DeviceList).devices

    async def pair_device(self, role: str, name: str | None = None) -> PairingCode:
        """Creates a device and returns its pairing code."""
        return await self._save("devices.pair", {"role": role, "name": name}, PairingCode)

    async def save_device(self, device: str, version: int, changes: Changes) -> DeviceRecord:
        """Gives a device another name."""
        params = {"device": device, "version": version, "changes": changes}
        return await self._save("devices.save", params, DeviceRecord)

    async def revoke_device(self, device: str) -> DeviceRecord:
        """Ends a device's token."""
        return await self._save("devices.revoke", {"device": device}, DeviceRecord)

    async def list_audit(self, before: int | None = None, limit: int = 100) -> AuditPage:
        """Returns administrative events before one, newest first."""
        return decode_value(
            await self.request_raw("audit.list", {"before": before, "limit": limit}), AuditPage
        )

    async def _save(self, method: str, params: Mapping[str, Any], result: type[R]) -> R:
        return decode_value(await self.request_raw(method, params, keyed=True), result)
