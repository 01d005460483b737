"""The accounts of a database: its owner, which may do everything, and the role `inturn_hub`, which can only serve."""

from __future__ import annotations

from sqlalchemy import Connection, text

from core.errors import SetupError

ROLE = "inturn_hub"


def only_serves(connection: Connection) -> bool:
    """Whether this account is a member of `inturn_hub`, which may call the hub's functions and nothing else."""
    query = text("SELECT has_table_privilege(to_regclass('settings'), 'SELECT')")
    return connection.execute(query).scalar_one() is False


def refuse_hub_account(connection: Connection) -> None:
    """Raises SetupError for an account that can only serve."""
    if only_serves(connection):
        raise SetupError(
            "This database URL is the hub's own account, which can only `serve`. Give the URL of the database's owner."
        )


def may_call(connection: Connection) -> bool:
    """Whether this account may call every function, like the owner; False for an account that only reads tables."""
    return bool(
        connection.execute(text("SELECT has_function_privilege('hub_functions()', 'EXECUTE')")).scalar()
    )


def set_up(connection: Connection) -> None:
    """Grants the hub's functions to `inturn_hub`, and revokes all privileges from other accounts."""
    connection.execute(text("SELECT set_up_hub_role()"))
