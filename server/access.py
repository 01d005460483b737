"""Who may come in: device tokens, pairing codes, passwords, sessions.

Secrets of 256 random bits (tokens, sessions) are stored as SHA-256. Passwords are argon2id at OWASP's minimum; a
verification costs about 20 ms of CPU, so it runs on a thread of its own, one at a time, and an unknown name costs as much
as a wrong password.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import Unauthenticated
from server.database import Database
from server.views import View, view_of

SESSION_LIFETIME = timedelta(hours=12)
PAIRING_LIFETIME = timedelta(minutes=10)
PAIRING_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
PAIRING_LENGTH = 7

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash(secrets.token_hex())


def secret_hash(secret: str) -> bytes:
    """What is stored of a token, a session or a pairing code."""
    return hashlib.sha256(secret.encode()).digest()


def new_token() -> str:
    """256 random bits, safe in a URL and on a command line."""
    return secrets.token_urlsafe(32)


def new_pairing_code() -> str:
    """Seven characters that can't be mistaken for each other when read aloud."""
    return "".join(secrets.choice(PAIRING_ALPHABET) for _ in range(PAIRING_LENGTH))


def hash_password(password: str) -> str:
    """An argon2id hash, parameters and salt included."""
    return _hasher.hash(password)


def password_matches(password_hash: str, password: str) -> bool:
    """Verifies a password; takes about 20 ms of CPU."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of: a device's token; a person's name and password; a person's session."""

    token: str | None = None
    username: str | None = None
    password: str | None = None
    session: str | None = None


class Account(msgspec.Struct, frozen=True):
    """A device or a person as the database knows them."""

    id: int
    name: str
    role: str
    password_hash: str = ""
    code: str = ""


class Principal(msgspec.Struct, frozen=True):
    """Who is at the other end of a connection.

    Attributes:
        actor: the stable name in events and keys, "user:3" or "device:1".
        session: what a person reconnects with; for a device, a name of this connection without any power.
    """

    actor: str
    role: str
    name: str
    session: str

    @property
    def view(self) -> View:
        """What this role may see."""
        return view_of(self.role)

    @property
    def supervises(self) -> bool:
        """Whether other people's counters are theirs to use."""
        return self.role in {"supervisor", "admin"}


class Access:
    """The door of one hub."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._verifier = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2")

    def close(self) -> None:
        """Ends the verifying thread."""
        self._verifier.shutdown(wait=False, cancel_futures=True)

    async def admit(self, credentials: Credentials) -> Principal:
        """The principal that the credentials prove. Raises Unauthenticated, Unavailable."""
        if credentials.token:
            device = await self._find("find_device", secret_hash(credentials.token))
            if device is None:
                raise Unauthenticated("This device is not known here any more. Please pair it again.")
            return Principal(f"device:{device.id}", device.role, device.name, secrets.token_hex(16))
        if credentials.session:
            user = await self._find("find_session", secret_hash(credentials.session))
            if user is None:
                raise Unauthenticated("Your session has ended. Please sign in again.")
            return Principal(f"user:{user.id}", user.role, user.name, credentials.session)
        if credentials.username and credentials.password:
            return await self._sign_in(credentials.username, credentials.password)
        raise Unauthenticated("Please give a token, a session, or a name and a password.")

    async def sign_out(self, principal: Principal) -> None:
        """Ends a person's session."""
        await self._database.call("close_session", secret_hash(principal.session))

    async def pair(self, code: str) -> dict[str, Any]:
        """Exchanges a pairing code for a token. Raises Unauthenticated."""
        token = new_token()
        text = await self._database.call("pair_device", secret_hash(code.strip().upper()), secret_hash(token))
        device = msgspec.json.decode(text)
        if device is None:
            raise Unauthenticated("That code is wrong, used or too old. Please ask for a new one.")
        return {"token": token, "device": device}

    async def admitted(self) -> dict[str, str]:
        """Everybody who may be connected now: actor -> role."""
        return msgspec.json.decode(await self._database.call("admitted_actors"), type=dict[str, str])

    async def _sign_in(self, username: str, password: str) -> Principal:
        user = await self._find("find_user", username)
        stored = user.password_hash if user else _NOBODY
        loop = asyncio.get_running_loop()
        matches = await loop.run_in_executor(self._verifier, password_matches, stored, password)
        if user is None or not matches:
            raise Unauthenticated("That name and password don't match.")
        session = new_token()
        await self._database.call("open_session", secret_hash(session), user.id, SESSION_LIFETIME)
        return Principal(f"user:{user.id}", user.role, user.name, session)

    async def _find(self, function: str, argument: Any) -> Account | None:
        return msgspec.json.decode(await self._database.call(function, argument), type=Account | None)
