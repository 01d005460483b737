"""The changes of administration for the wire, one database call each (`server/schema/functions/administration*.sql`).

The command line calls the same functions. Every change takes an actor and the request's key, and refuses `key_conflict`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from core.line.tickets import QueueEvent
from core.wire.protocol import encode
from server.database.calls import Database
from server.operations.queue_operations import request_digest


class AdministrativeOutcome(msgspec.Struct, frozen=True):
    """A change's record as it is now, and the events of lines that it made."""

    result: dict[str, Any]
    events: tuple[QueueEvent, ...] = ()


class Administration:
    """Changes and reads what the clinic consists of; `salt` is the site's salt for request digests."""

    def __init__(self, database: Database, salt: bytes) -> None:
        self._database = database
        self._salt = salt[:64]

    async def save_service(
        self, actor: str, key: str, code: str, version: int, changes: Mapping[str, Any]
    ) -> AdministrativeOutcome:
        """Creates (version 0) or changes a service. Refusals: unknown_service, edit_conflict, already_taken."""
        return await self._change("save_service", actor, key, code, version, _json(changes))

    async def retire_service(
        self, actor: str, key: str, code: str, version: int, move_to: str | None
    ) -> AdministrativeOutcome:
        """Retires a service. Refusals: unknown_service, edit_conflict, service_busy, service_closed."""
        return await self._change("retire_service", actor, key, code, version, move_to)

    async def order_services(self, actor: str, key: str, codes: Sequence[str]) -> AdministrativeOutcome:
        """Puts services in this order. Refusal: unknown_service."""
        return await self._change("order_services", actor, key, list(codes))

    async def save_counter(
        self, actor: str, key: str, code: str, version: int, changes: Mapping[str, Any]
    ) -> AdministrativeOutcome:
        """Creates or changes a counter. Refusals: unknown_counter, unknown_service, edit_conflict, already_taken."""
        return await self._change("save_counter", actor, key, code, version, _json(changes))

    async def retire_counter(self, actor: str, key: str, code: str, version: int) -> AdministrativeOutcome:
        """Retires a counter. Refusals: unknown_counter, edit_conflict, counter_busy."""
        return await self._change("retire_counter", actor, key, code, version)

    async def save_site(
        self, actor: str, key: str, version: int, changes: Mapping[str, Any]
    ) -> AdministrativeOutcome:
        """Changes the site. Refusal: edit_conflict."""
        return await self._change("save_site", actor, key, "site", version, _json(changes))

    async def save_closed_days(
        self, actor: str, key: str, close: Sequence[Any], reopen: Sequence[Any]
    ) -> AdministrativeOutcome:
        """Closes and opens days. Refusal: unknown_service."""
        return await self._change("save_closed_days", actor, key, _json(close), _json(reopen))

    async def save_user(
        self, actor: str, key: str, code: str, version: int, changes: Mapping[str, Any], digest: bytes
    ) -> AdministrativeOutcome:
        """Creates or changes an account; `digest` replaces the password in the comparison of repeated requests.

        Refusals: unknown_user, edit_conflict, already_taken, last_admin.
        """
        compared = {name: value for name, value in changes.items() if name != "password_hash"}
        arguments = (code, version, _json(changes))
        digest = self._digest("save_user", (code, version, compared, digest.hex()))
        return await self._call("save_user", actor, key, digest, *arguments)

    async def set_password(
        self, actor: str, key: str, code: str, hashed: str, digest: bytes, *, keep: bytes | None = None
    ) -> AdministrativeOutcome:
        """Sets a password and ends the account's sessions except that with the hash `keep`, which chose it itself.

        Refusal: unknown_user.
        """
        whole = self._digest("set_password", (code, digest.hex()))
        return await self._call("set_password", actor, key, whole, code, hashed, keep is None, keep)

    async def switch_user(self, actor: str, key: str, code: str, disabled: bool) -> AdministrativeOutcome:
        """Disables or enables an account. Refusals: unknown_user, last_admin."""
        return await self._change("switch_user", actor, key, code, disabled)

    async def save_device(
        self, actor: str, key: str, code: str, version: int, changes: Mapping[str, Any]
    ) -> AdministrativeOutcome:
        """Creates or changes a device. Refusals: unknown_device, edit_conflict."""
        return await self._change("save_device", actor, key, code, version, _json(changes))

    async def revoke_device(self, actor: str, key: str, code: str, name_key: str) -> AdministrativeOutcome:
        """Ends a device's token. Refusals: unknown_device, ambiguous_device."""
        return await self._change("revoke_device", actor, key, code, name_key)

    async def service_settings(self, code: str) -> dict[str, Any]:
        """Reads a service's record. Refusal: unknown_service."""
        return msgspec.json.decode(await self._database.call("service_settings", code), type=dict[str, Any])

    async def counter_settings(self, code: str) -> dict[str, Any]:
        """Reads a counter's record. Refusal: unknown_counter."""
        return msgspec.json.decode(await self._database.call("counter_settings", code), type=dict[str, Any])

    async def site_record(self) -> Any:
        """Reads the site's record."""
        return msgspec.json.decode(await self._database.call("site_record"))

    async def closed_days(self) -> Any:
        """Reads the closed days from today on."""
        return msgspec.json.decode(await self._database.call("closed_days_overview"))

    async def users(self) -> Any:
        """Reads every account."""
        return msgspec.json.decode(await self._database.call("users_overview"))

    async def devices(self) -> Any:
        """Reads every device."""
        return msgspec.json.decode(await self._database.call("devices_overview"))

    async def audit_page(self, before: int | None, limit: int) -> Any:
        """Reads at most `limit` administrative events before one, newest first."""
        return msgspec.json.decode(await self._database.call("audit_page", before, limit))

    def secret_of(self, actor: str, key: str, alphabet: str, length: int) -> str:
        """A secret made of the request: its repetition gets the same one, and the database stores only its hash."""
        source = hashlib.blake2b(encode([actor, key]), key=self._salt, person=b"pairing code").digest()
        number = int.from_bytes(source, "big")
        signs = []
        for _ in range(length):
            number, sign = divmod(number, len(alphabet))
            signs.append(alphabet[sign])
        return "".join(signs)

    @property
    def salt(self) -> bytes:
        """The site's salt."""
        return self._salt

    async def _change(self, function: str, actor: str, key: str, *arguments: Any) -> AdministrativeOutcome:
        return await self._call(function, actor, key, self._digest(function, arguments), *arguments)

    async def _call(self, function: str, *arguments: Any) -> AdministrativeOutcome:
        text = await self._database.call(function, *arguments)
        return msgspec.json.decode(text, type=AdministrativeOutcome)

    def _digest(self, function: str, arguments: tuple[Any, ...]) -> bytes:
        return request_digest(self._salt, function, arguments)


def _json(value: Any) -> str:
    return encode(value).decode()
