"""Authenticates clients by device token, pairing code, password or session.

Tokens and sessions have 256 random bits and are stored as SHA-256. Passwords are stored as argon2id with OWASP's minimal
parameters. A verification takes about 20 ms of CPU, so `server.door.throttle` limits the tries first, and a thread of its
own verifies one password at a time. An unknown name takes as long as a wrong password.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from base64 import b64encode
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic
from typing import Annotated, Any, TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw

from core.errors import InvalidParams, PasswordExpired, RateLimited, Unauthenticated, Unavailable
from core.texts import checked_password, normal_form
from server.database.calls import Database
from server.door.known_clients import KnownClients, Principal
from server.door.limits import Limits, paces_a_minute
from server.door.throttle import SignInThrottle, too_many

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")
SESSION_LIFETIME = timedelta(hours=12)
PAIRING_LIFETIME = timedelta(minutes=10)
PAIRING_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
PAIRING_LENGTH = 7

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_UNKNOWN_USER = (
    f"$argon2id$v=19$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    + "".join(f"${b64encode(secrets.token_bytes(n)).decode().rstrip('=')}" for n in (16, 32))
)
"""A hash that no password matches, verified for an unknown name. Made of random bytes: hashing would delay the start."""
_NOT_KNOWN = {
    "find_device": "This device is not known here any more. Please pair it again.",
    "find_session": "Your session has ended. Please sign in again.",
}


def secret_hash(secret: str) -> bytes:
    """SHA-256 of a token, a session or a pairing code, as stored."""
    return hashlib.sha256(secret.encode()).digest()


def new_token() -> str:
    """A secret of 256 random bits, safe in a URL and on a command line."""
    return secrets.token_urlsafe(32)


def new_pairing_code() -> str:
    """A code of `PAIRING_LENGTH` characters that are hard to confuse when read aloud."""
    return "".join(secrets.choice(PAIRING_ALPHABET) for _ in range(PAIRING_LENGTH))


def hash_password(password: str) -> str:
    """An argon2id hash with its parameters and salt; takes about 20 ms of CPU."""
    return _hasher.hash(password)


def password_matches(password_hash: str, password: str) -> bool:
    """Verifies a password; takes about 20 ms of CPU."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _hash_of(password: str, _nothing: None) -> str:
    return hash_password(password)


def _hash_and_digest(password: str, salt: bytes) -> tuple[str, bytes]:
    memory, passes = _hasher.memory_cost, _hasher.time_cost
    digest = hash_secret_raw(password.encode(), salt[:32], passes, memory, 1, 32, Type.ID)
    return hash_password(password), digest


Secret = Annotated[str, msgspec.Meta(max_length=200)]
Username = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]
Password = Annotated[str, msgspec.Meta(max_length=1000)]


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device's token, or a person's name and password, or a person's session.

    `new_password` replaces a password that another person set.
    """

    token: Secret | None = None
    username: Username | None = None
    password: Password | None = None
    session: Secret | None = None
    new_password: Password | None = None


class UserAccount(msgspec.Struct, frozen=True):
    """A row of a device or a person. `expires_in` is the remaining lifetime of the session in seconds."""

    id: int
    name: str
    role: str
    password_hash: str = ""
    must_change_password: bool = False
    code: str = ""
    expires_in: float = math.inf


class Access:
    """Signs clients in and out at one hub.

    Attributes:
        known: the principals admitted before.
        on_sessions: called when a sign-in or sign-out at this hub may have ended sessions.
    """

    def __init__(self, database: Database, limits: Limits) -> None:
        self.known = KnownClients()
        self.on_sessions: Callable[[], None] = lambda: None
        self._database = database
        self._limits = limits
        self._verifier = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2")
        self._verifying = self._waiting = 0
        # Set, and replaced by a new event, when a password try ends.
        self._try_ended = asyncio.Event()
        self._sign_ins = SignInThrottle(self._limits)
        self._wrong_secrets = paces_a_minute(self._limits.secrets_per_address)
        self._pairings = paces_a_minute(self._limits.pairings_per_address)
        self._all_pairings = paces_a_minute(self._limits.pairings)

    def close(self) -> None:
        """Stops the thread that verifies passwords."""
        self._verifier.shutdown(wait=False, cancel_futures=True)

    async def admit(self, credentials: Credentials, address: str) -> Principal:
        """Authenticates credentials sent from this address.

        Raises Unauthenticated; RateLimited with `retry_after`; Unavailable if `known` does not have the principal while
        the database is unreachable.
        """
        if credentials.token:
            return await self._known_by(credentials.token, "find_device", address)
        if credentials.session:
            return await self._known_by(credentials.session, "find_session", address)
        if credentials.username and credentials.password:
            return await self._sign_in(
                credentials.username, credentials.password, address, credentials.new_password
            )
        raise Unauthenticated("Please give a token, a session, or a name and a password.")

    async def sign_out(self, principal: Principal) -> None:
        """Ends a person's session."""
        self.known.forget(principal.secret_hash)
        await self._database.call("close_session", principal.secret_hash)

    async def pair(self, code: str, address: str, role: str | None) -> dict[str, Any]:
        """Exchanges a pairing code of this role (None: any) for a token.

        Raises Unauthenticated, WrongRole, RateLimited, Unavailable.
        """
        for paces, key in ((self._pairings, address), (self._all_pairings, "")):
            if wait := paces.take(key):
                raise too_many(wait)
        token = new_token()
        hashes = secret_hash(code.strip().upper()), secret_hash(token)
        text = await self._database.call("pair_device", *hashes, role)
        device = msgspec.json.decode(text)
        if device is None:
            raise Unauthenticated("That code is wrong, used or too old. Please ask for a new one.")
        self._pairings.give_back(address)
        self._all_pairings.give_back("")
        return {"token": token, "device": device}

    async def hashed(self, password: str, salt: bytes) -> tuple[str, bytes]:
        """A password's hash to store, and a digest that a repeated request with the same password has, too.

        The digest takes as long as the hash, so that it tells a thief of the database no more. Raises RateLimited.
        """
        return await self._on_thread(_hash_and_digest, password, salt)

    async def confirm(self, principal: Principal, password: str, wanted: str) -> None:
        """Raises Unauthenticated unless `password`, or with a repeated request `wanted`, is the person's; RateLimited."""
        await self._turn_to_try(principal.actor, principal.actor)
        count = self._sign_ins.failed
        try:
            user = await self._find("find_user_of", principal.actor)
            stored = user.password_hash if user else _UNKNOWN_USER
            if not any(
                [await self._on_thread(password_matches, stored, word) for word in (password, wanted)]
            ):
                raise Unauthenticated("That password is wrong.")
            count = self._sign_ins.succeeded
        except (Unavailable, RateLimited):
            count = self._sign_ins.abandoned
            raise
        finally:
            count(principal.actor, principal.actor)

    async def still_admitted(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        """Checks hashed tokens and sessions: returns hash -> role of those still valid. Raises Unavailable.

        It also checks the principals in `known` and removes the revoked ones.
        """
        checked = {*hashes, *self.known.hashes}
        text = await self._database.call("admitted_secrets", list(checked))
        roles = msgspec.json.decode(text, type=dict[str, str])
        admitted = {bytes.fromhex(hexadecimal): role for hexadecimal, role in roles.items()}
        self.known.keep_only(checked, admitted)
        return admitted

    async def _known_by(self, secret: str, function: str, address: str) -> Principal:
        """The holder of a token or a session; from `known` while the database is unreachable."""
        hashed = secret_hash(secret)
        known = self.known.find(hashed)
        if known is None and (wait := self._wrong_secrets.look(address)):
            raise too_many(wait)
        try:
            account = await self._find(function, hashed)
        except Unavailable:
            if known is None:
                raise
            return known
        if account is None:
            self.known.forget(hashed)
            self._wrong_secrets.take(address)
            raise Unauthenticated(_NOT_KNOWN[function])
        return self._let_in(account, secret, is_device=function == "find_device")

    def _let_in(self, account: UserAccount, secret: str, *, is_device: bool) -> Principal:
        principal = Principal(
            f"{'device' if is_device else 'user'}:{account.id}",
            account.role,
            account.name,
            secrets.token_hex(16) if is_device else secret,
            secret_hash(secret),
            monotonic() + account.expires_in,
        )
        self.known.remember(principal)
        return principal

    async def _sign_in(
        self, username: str, password: str, address: str, new_password: str | None
    ) -> Principal:
        await self._turn_to_try(username, address)
        # A cancelled sign-in counts as a failed try.
        count = self._sign_ins.failed
        try:
            user = await self._find("find_user", normal_form(username))
            matches = await self._verified(user, password, self._sign_ins.knows(username, address))
            if user is None or not matches:
                raise Unauthenticated("That name and password don't match.")
            if user.must_change_password:
                await self._renew_password(user, password, new_password)
            session = new_token()
            most = self._limits.sessions_per_person
            await self._database.call("open_session", secret_hash(session), user.id, SESSION_LIFETIME, most)
            count = self._sign_ins.succeeded
        except (Unavailable, RateLimited, PasswordExpired, InvalidParams):
            count = self._sign_ins.abandoned
            raise
        finally:
            count(username, address)
            self._try_ended.set()
            self._try_ended = asyncio.Event()
        self.on_sessions()
        lifetime = SESSION_LIFETIME.total_seconds()
        return self._let_in(msgspec.structs.replace(user, expires_in=lifetime), session, is_device=False)

    async def _renew_password(self, user: UserAccount, password: str, wanted: str | None) -> None:
        """Replaces a password that another person set. Raises PasswordExpired without another one, InvalidParams."""
        if wanted is None or wanted == password:
            raise PasswordExpired
        hashed = await self._on_thread(_hash_of, checked_password(wanted), None)
        actor = f"user:{user.id}"
        await self._database.call("set_password", actor, secrets.token_hex(16), b"", actor, hashed, False)

    async def _turn_to_try(self, username: str, address: str) -> None:
        """Waits until the throttle allows the try. Raises RateLimited if the tries under way could not free a place.

        A successful try gives its place back. So eight people who share an account and sign in at once are admitted,
        and eight guesses are not.
        """
        while True:
            try:
                return self._sign_ins.begin(username, address)
            except RateLimited:
                pending = self._sign_ins.has_pending(username, address)
                if not pending or self._waiting >= self._limits.passwords_waiting:
                    raise
            self._waiting += 1
            try:
                await self._try_ended.wait()
            finally:
                self._waiting -= 1

    async def _verified(self, user: UserAccount | None, password: str, known: bool) -> bool:
        """Verifies a password on the thread. The last quarter of the waiting places is for people known at an address."""
        room = self._limits.passwords_waiting
        if self._verifying >= (room if known else room * 3 // 4):
            raise too_many(1)
        return await self._on_thread(
            password_matches, user.password_hash if user else _UNKNOWN_USER, password
        )

    async def _on_thread(self, work: Callable[[A, B], T], first: A, second: B) -> T:
        """Runs dear work on the thread of passwords. Raises RateLimited if all places are taken."""
        if self._verifying >= self._limits.passwords_waiting:
            raise too_many(1)
        self._verifying += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._verifier, work, first, second)
        finally:
            self._verifying -= 1

    async def _find(self, function: str, argument: Any) -> UserAccount | None:
        return msgspec.json.decode(await self._database.call(function, argument), type=UserAccount | None)
