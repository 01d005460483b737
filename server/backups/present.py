"""The database that a restore replaces, read before and again under its locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from core.errors import SetupError
from server.backups import loading_role
from server.backups.credentials import NO_CREDENTIALS, Account, Credentials, Device
from server.schema import revisions
from server.schema.legacy import database as legacy_database

_ACCOUNTS = "SELECT username, disabled_at IS NULL, password_hash FROM {0}.users ORDER BY username"
_DEVICES = "SELECT code, name, revoked_at IS NULL, token_hash::text FROM {0}.devices ORDER BY code"
_HEADS = """
    SELECT 'administration', admin_revision, encode(admin_last_hash, 'hex') FROM {0}.settings
    UNION ALL SELECT code, revision, encode(last_hash, 'hex') FROM {0}.services ORDER BY 1
"""
_SITE = "SELECT site_name, config_revision, (SELECT count(*) FROM {0}.tickets) FROM {0}.settings"


@dataclass(frozen=True)
class Present:
    """What a restore replaces.

    Attributes:
        home: the quoted name of the schema that has InTurn's tables, or will have them.
        clinic: name of the site; None if there are no tables yet.
        heads: as `heads_of` returns them; None without tables.
    """

    home: str
    clinic: str | None = None
    tickets: int = 0
    config_revision: int = 0
    credentials: Credentials = NO_CREDENTIALS
    heads: dict[str, Any] | None = None


def look_at(connection: Connection) -> Present:
    """Reads the database. Raises SetupError for one that a restore must not replace, or can't."""
    found = legacy_database.recognise(connection)
    legacy_database.refuse_foreign(found)
    if found.kind == "legacy":
        raise SetupError(
            "This database is the earlier version's, which a restore does not replace: "
            f"give an empty database. {legacy_database.UNCHANGED}"
        )
    loading_role.require(connection)
    if found.kind == "empty":
        return Present(connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one())
    revisions.missing_revisions(connection)  # refuses the tables of a newer or an unreleased InTurn
    return _read(connection, home_of(connection))


def look_again(connection: Connection, seen: Present) -> Present:
    """The same, when its tables are locked."""
    return _read(connection, seen.home) if seen.clinic is not None else seen


def home_of(connection: Connection) -> str:
    """The quoted name of the schema that has InTurn's tables."""
    query = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'settings'::regclass"
    home: str = connection.execute(text(query)).scalar_one()
    return home


def heads_of(connection: Connection, home: str) -> dict[str, Any]:
    """The last event of each chain: name -> its revision and its hash in hex."""
    rows = connection.execute(text(_HEADS.format(home)))
    return {chain: {"revision": revision, "hash": last} for chain, revision, last in rows}


def _read(connection: Connection, home: str) -> Present:
    def rows(query: str) -> list[Any]:
        return list(connection.execute(text(query.format(home))))

    [(clinic, config_revision, tickets)] = rows(_SITE)
    accounts = [Account(*row) for row in rows(_ACCOUNTS)]
    devices = [Device(*row) for row in rows(_DEVICES)]
    heads = heads_of(connection, home)
    return Present(home, clinic, tickets, config_revision, Credentials(accounts, devices), heads)
