"""Who signs in to a database: its owner, who may do everything, or a hub that can only serve."""

from __future__ import annotations

from sqlalchemy import Connection, text

from core.errors import SetupError

ROLE = "inturn_hub"


def only_serves(connection: Connection) -> bool:
    """Whether this account may call what hubs call, and nothing else: a login that is a member of `inturn_hub`."""
    query = text("SELECT has_table_privilege(to_regclass('settings'), 'SELECT')")
    return connection.execute(query).scalar_one() is False


def refuse_who_only_serves(connection: Connection) -> None:
    """Raises SetupError for an account that can only serve."""
    if only_serves(connection):
        raise SetupError(
            "This database URL is the hub's own account, which can only `serve`. Give the URL of the database's owner."
        )


def may_call(connection: Connection) -> bool:
    """Whether this account may call every function, as the owner may; not one that only reads tables."""
    return bool(
        connection.execute(text("SELECT has_function_privilege('hub_functions()', 'EXECUTE')")).scalar()
    )


def set_up(connection: Connection) -> None:
    """Gives `inturn_hub` what hubs call, and no other account anything."""
    connection.execute(text("SELECT set_up_hub_role()"))
