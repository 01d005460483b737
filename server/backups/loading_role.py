"""The role `inturn_restore`, which loads a backup's rows: it may insert into one table at a time and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from core.errors import SetupError

ROLE = "inturn_restore"
_EXISTS = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
_MAY_CREATE = text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
_USABLE = text("""
    SELECT current_user, pg_has_role(current_user, r.oid,
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    FROM pg_roles r WHERE r.rolname = :role""")


def require(connection: Connection) -> None:
    """Raises SetupError if this account can neither act as the role nor create it."""
    account, usable = connection.execute(text("SELECT current_user, false")).one()
    if connection.execute(_EXISTS, {"role": ROLE}).scalar_one():
        account, usable = connection.execute(_USABLE, {"role": ROLE}).one()
    if not usable and not connection.execute(_MAY_CREATE).scalar_one():
        raise SetupError(
            f"A backup is loaded by the role {ROLE}, which {account} can't act as. A superuser should run: "
            f"CREATE ROLE {ROLE}; GRANT {ROLE} TO {account}; Nothing was changed."
        )


def create(connection: Connection) -> None:
    """Creates the role for the whole cluster unless it exists, and lets this account act as it."""
    if not connection.execute(_EXISTS, {"role": ROLE}).scalar_one():
        connection.execute(text(f"CREATE ROLE {ROLE} NOLOGIN"))
    if not connection.execute(_USABLE, {"role": ROLE}).one()[1]:
        connection.execute(text(f"GRANT {ROLE} TO CURRENT_USER"))


@contextmanager
def acting(connection: Connection, table: str, encoding: str) -> Iterator[None]:
    """Acts as the role, with the right to insert into `table` (with its schema); rows come in `encoding`."""
    if not re.fullmatch(r"\w+", encoding):
        raise SetupError(f"There is no encoding {encoding}.")
    schema = table.partition(".")[0]
    connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}"))
    connection.execute(text(f"GRANT INSERT ON {table} TO {ROLE}"))
    connection.execute(text(f"SET LOCAL ROLE {ROLE}"))
    connection.execute(text(f"SET LOCAL client_encoding = '{encoding}'"))
    yield
    connection.execute(text("SET LOCAL client_encoding = 'UTF8'"))
    connection.execute(text("RESET ROLE"))
    connection.execute(text(f"REVOKE ALL ON {table} FROM {ROLE}"))
    connection.execute(text(f"REVOKE ALL ON SCHEMA {schema} FROM {ROLE}"))
