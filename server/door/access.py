"""Who may come in: device tokens, pairing codes, passwords, sessions.

Secrets of 256 random bits (tokens, sessions) are stored as SHA-256. Passwords are argon2id at OWASP's minimum; a
verification costs about 20 ms of CPU, so it is throttled first (`server.door.throttle`) and runs on a thread of its own,
one at a time; an unknown name costs as much as a wrong password.
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
from typing import Annotated, Any

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import RateLimited, Unauthenticated, Unavailable
from server.database.calls import Database
from server.door.known_clients import KnownClients, Principal
from server.door.limits import Limits, paces_a_minute
from server.door.throttle import SignInThrottle, too_many

SESSION_LIFETIME = timedelta(hours=12)
PAIRING_LIFETIME = timedelta(minutes=10)
PAIRING_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
PAIRING_LENGTH = 7

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = f"$argon2id$v=19$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}" + "".join(
    f"${b64encode(secrets.token_bytes(n)).decode().rstrip('=')}" for n in (16, 32)
)
"""The hash of a password that nobody knows: made up of random bytes, not by hashing, which costs a start 40 ms."""
_NOT_KNOWN = {
    "find_device": "This device is not known here any more. Please pair it again.",
    "find_session": "Your session has ended. Please sign in again.",
}


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


Secret = Annotated[str, msgspec.Meta(max_length=200)]
Username = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]
Password = Annotated[str, msgspec.Meta(max_length=1000)]


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of: a device's token; a person's name and password; a person's session."""

    token: Secret | None = None
    username: Username | None = None
    password: Password | None = None
    session: Secret | None = None


class UserAccount(msgspec.Struct, frozen=True):
    """A device or a person as the database knows them; `expires_in` seconds a session ends."""

    id: int
    name: str
    role: str
    password_hash: str = ""
    code: str = ""
    expires_in: float = math.inf


class Access:
    """The door of one hub.

    Attributes:
        known: whom it has let in before.
        on_sessions: called when sessions may have ended here; after the reply to who ended one.
    """

    def __init__(self, database: Database, limits: Limits) -> None:
        self.known = KnownClients()
        self.on_sessions: Callable[[], None] = lambda: None
        self._database = database
        self._limits = limits
        self._verifier = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2")
        self._verifying = self._waiting = 0
        self._one_was_looked_at = asyncio.Event()
        self._sign_ins = SignInThrottle(self._limits)
        self._wrong_secrets = paces_a_minute(self._limits.secrets_per_address)
        self._pairings = paces_a_minute(self._limits.pairings_per_address)
        self._all_pairings = paces_a_minute(self._limits.pairings)

    def close(self) -> None:
        """Ends the verifying thread."""
        self._verifier.shutdown(wait=False, cancel_futures=True)

    async def admit(self, credentials: Credentials, address: str) -> Principal:
        """The principal that the credentials prove, shown at this address.

        Raises Unauthenticated; RateLimited with `retry_after`; Unavailable for whom only the database could know.
        """
        if credentials.token:
            return await self._known_by(credentials.token, "find_device", address)
        if credentials.session:
            return await self._known_by(credentials.session, "find_session", address)
        if credentials.username and credentials.password:
            return await self._sign_in(credentials.username, credentials.password, address)
        raise Unauthenticated("Please give a token, a session, or a name and a password.")

    async def sign_out(self, principal: Principal) -> None:
        """Ends a person's session."""
        self.known.forget(principal.secret_hash)
        await self._database.call("close_session", principal.secret_hash)

    async def pair(self, code: str, address: str) -> dict[str, Any]:
        """Exchanges a pairing code for a token. Raises Unauthenticated, RateLimited, Unavailable."""
        for paces, key in ((self._pairings, address), (self._all_pairings, "")):
            if wait := paces.take(key):
                raise too_many(wait)
        token = new_token()
        text = await self._database.call("pair_device", secret_hash(code.strip().upper()), secret_hash(token))
        device = msgspec.json.decode(text)
        if device is None:
            raise Unauthenticated("That code is wrong, used or too old. Please ask for a new one.")
        self._pairings.give_back(address)
        self._all_pairings.give_back("")
        return {"token": token, "device": device}

    async def still_admitted(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        """Which of these hashed tokens and sessions still open the door: hash -> role. Raises Unavailable.

        Whom this hub remembers is asked about, too, and forgotten if revoked.
        """
        asked = {*hashes, *self.known.hashes}
        text = await self._database.call("admitted_secrets", list(asked))
        found = msgspec.json.decode(text, type=dict[str, str])
        admitted = {bytes.fromhex(each): role for each, role in found.items()}
        self.known.keep_only(asked, admitted)
        return admitted

    async def _known_by(self, secret: str, function: str, address: str) -> Principal:
        """Who holds a token or a session; while the database is away, if this hub has let them in before."""
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

    async def _sign_in(self, username: str, password: str, address: str) -> Principal:
        await self._turn_to_try(username, address)
        # Whoever goes away meanwhile has tried all the same.
        weigh = self._sign_ins.failed
        try:
            user = await self._find("find_user", username)
            matches = await self._verified(user, password, self._sign_ins.knows(username, address))
            if user is None or not matches:
                raise Unauthenticated("That name and password don't match.")
            session = new_token()
            most = self._limits.sessions_per_person
            await self._database.call("open_session", secret_hash(session), user.id, SESSION_LIFETIME, most)
            weigh = self._sign_ins.succeeded
        except (Unavailable, RateLimited):
            weigh = self._sign_ins.abandoned
            raise
        finally:
            weigh(username, address)
            self._one_was_looked_at.set()
            self._one_was_looked_at = asyncio.Event()
        self.on_sessions()
        lifetime = SESSION_LIFETIME.total_seconds()
        return self._let_in(msgspec.structs.replace(user, expires_in=lifetime), session, is_device=False)

    async def _turn_to_try(self, username: str, address: str) -> None:
        """Raises RateLimited unless the throttle lets this try begin, now or when those under way turn out right.

        So eight people who share an account and come at once are let in, and eight guesses are not.
        """
        while True:
            try:
                return self._sign_ins.begin(username, address)
            except RateLimited:
                hopeless = not self._sign_ins.may_turn_out_well(username, address)
                if hopeless or self._waiting >= self._limits.passwords_waiting:
                    raise
            self._waiting += 1
            try:
                await self._one_was_looked_at.wait()
            finally:
                self._waiting -= 1

    async def _verified(self, user: UserAccount | None, password: str, known: bool) -> bool:
        """Looks at a password on the thread for it; the last quarter of the waiting room is for known people."""
        room = self._limits.passwords_waiting
        if self._verifying >= (room if known else room * 3 // 4):
            raise too_many(1)
        stored = user.password_hash if user else _NOBODY
        loop = asyncio.get_running_loop()
        self._verifying += 1
        try:
            return await loop.run_in_executor(self._verifier, password_matches, stored, password)
        finally:
            self._verifying -= 1

    async def _find(self, function: str, argument: Any) -> UserAccount | None:
        return msgspec.json.decode(await self._database.call(function, argument), type=UserAccount | None)
