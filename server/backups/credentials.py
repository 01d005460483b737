"""Accounts and devices of a backup that are not in force any more. Values in, values out.

A backup is older than the database that it replaces. What was disabled or revoked meanwhile must not come back unseen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from shlex import quote

from core.errors import SetupError
from core.texts import normal_form
from server.schema.legacy.database import UNCHANGED


@dataclass(frozen=True)
class Account:
    """A person's account; `password_hash` as it is stored."""

    username: str
    active: bool
    password_hash: str


@dataclass(frozen=True)
class Device:
    """A kiosk or wall monitor; `token_hash` in PostgreSQL's text form, None before the device is paired."""

    code: str
    name: str
    active: bool
    token_hash: str | None


@dataclass(frozen=True)
class Credentials:
    """The accounts and devices of a database or of a backup."""

    accounts: Sequence[Account] = ()
    devices: Sequence[Device] = ()


NO_CREDENTIALS = Credentials()
"""Of a database without tables."""


@dataclass(frozen=True)
class Withheld:
    """What is active in a backup and not in the present database.

    Attributes:
        accounts: usernames, to be disabled.
        devices: code -> name, to be revoked.
        old_passwords: usernames that sign in with the backup's password, which is not the present one.
    """

    accounts: Sequence[str]
    devices: dict[str, str]
    old_passwords: Sequence[str]

    def without(self, usernames: Collection[str], codes: Collection[str]) -> Withheld:
        """The same without accounts and devices that a person reactivates."""
        accounts = [username for username in self.accounts if username not in usernames]
        devices = {code: name for code, name in self.devices.items() if code not in codes}
        return replace(self, accounts=accounts, devices=devices)

    def lines(self) -> Iterator[str]:
        """Sentences for an administrator; none if nothing is withheld."""
        for username in self.accounts:
            yield f"The account {shown(username)} stays disabled (--reactivate {quote(shown(username))})."
        for code, name in self.devices.items():
            yield f"The device {shown(code)} ({shown(name)}) stays revoked (--reactivate {quote(shown(code))})."
        for username in self.old_passwords:
            yield f"The account {shown(username)} gets back its password of the backup."


def withheld(backup: Credentials, present: Credentials) -> Withheld:
    """Compares a backup with the database that it replaces; one without accounts and devices withholds everything.

    A device that was paired again since is another one: its old token may be in other hands.
    """
    accounts = {normal_form(a.username): a for a in present.accounts if a.active}
    devices = {device.code: device for device in present.devices if device.active}
    returning = [a for a in backup.accounts if a.active]
    return Withheld(
        [a.username for a in returning if normal_form(a.username) not in accounts],
        {
            device.code: device.name
            for device in backup.devices
            if device.active
            and (device.code not in devices or devices[device.code].token_hash != device.token_hash)
        },
        [
            a.username
            for a in returning
            if (now := accounts.get(normal_form(a.username))) and now.password_hash != a.password_hash
        ],
    )


def reactivated(found: Withheld, names: Iterable[str]) -> tuple[set[str], set[str]]:
    """The usernames and the codes of devices that `names` ask for: usernames, codes, or names of one device each.

    Raises SetupError for a name of nothing that is withheld, and for one that several devices have.
    """
    accounts: set[str] = set()
    codes: set[str] = set()
    for name in names:
        called = {username for username in found.accounts if same_name(username, name)}
        devices = {code for code in found.devices if code == name} or {
            code for code, known in found.devices.items() if same_name(known, name)
        }
        if len(devices) > 1:
            several = ", ".join(sorted(devices))
            raise SetupError(
                f"Several devices are called {name}: give one of the codes {several}. {UNCHANGED}"
            )
        if not called and not devices:
            raise SetupError(f"Nothing that would stay disabled or revoked is called {name}. {UNCHANGED}")
        accounts |= called
        codes |= devices
    return accounts, codes


def shown(name: str) -> str:
    """A text of a backup as a terminal may get it: unprintable characters are escaped."""
    return name if name.isprintable() else repr(name)


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same for a person: without regard to case, composition of letters and outer spaces."""
    return normal_form(one) == normal_form(other)
