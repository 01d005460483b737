"""Parses the database's address and makes the driver's connection options from it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import SetupError

_NO_ADDRESS = "The database URL must look like postgresql://USER:PASSWORD@HOST/NAME."
CONNECT_SECONDS = 2
"""Timeout of a connection to one host."""
ADMINISTRATION_CONNECT_SECONDS = 5
"""The same for a command and for the hub's start, which can't go on without a connection."""
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A connection to a host that has vanished ends after about 11 s if it is idle, and after 10 s if it writes."""


def driver_url(url: str) -> str:
    """The libpq address of a SQLAlchemy URL. Raises SetupError.

    Several hosts (`postgresql://u@h1:5432,h2:5433/db`) become parameters, which SQLAlchemy can parse, too. By default
    `target_session_attrs` selects the host that takes writes.
    """
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] not in {"postgresql", "postgres"} or not rest:
        raise SetupError(_NO_ADDRESS)
    address = f"postgresql://{rest}"
    try:
        parts = conninfo_to_dict(address)
    except psycopg.ProgrammingError as error:
        raise SetupError(_NO_ADDRESS) from error
    return _of_several_hosts(parts) if "," in str(parts.get("host", "")) else address


def connection_options(address: str, *, application: str, options: str = "") -> dict[str, Any]:
    """The driver's arguments for an autocommit connection with keepalives, which detect a lost server."""
    return {
        "conninfo": address,
        "autocommit": True,
        "connect_timeout": CONNECT_SECONDS,
        "application_name": application,
        "options": options,
        **_KEEPALIVE,
    }


def program_arguments(url: str) -> tuple[str, dict[str, str]]:
    """The address for PostgreSQL's own programs, and the environment variable with the password.

    The password is not in the address, because every user of this computer can read a command line. Raises SetupError.
    """
    parts = conninfo_to_dict(driver_url(url))
    secrets = {"PGPASSWORD": str(parts.pop("password"))} if "password" in parts else {}
    return make_conninfo("", **{name: str(value) for name, value in parts.items()}), secrets


def _of_several_hosts(parts: dict[str, Any]) -> str:
    """The address with its hosts as parameters, which both SQLAlchemy and the driver can parse."""
    wanted = {"target_session_attrs": "read-write", **parts}
    user, password, name = (wanted.pop(part, None) for part in ("user", "password", "dbname"))
    if not str(wanted.get("port", "")).strip(","):
        wanted.pop("port", None)
    login = quote(user or "", safe="") + (f":{quote(password, safe='')}" if password else "")
    query = urlencode(wanted, quote_via=quote)
    return f"postgresql://{login}{'@' if login else ''}/{quote(name or '', safe='')}?{query}"


def each_host(address: str) -> list[str]:
    """One address for each host, with `target_session_attrs=read-write`."""
    parts = conninfo_to_dict(address)
    several = [str(parts.get(part) or "").split(",") for part in ("host", "hostaddr", "port")]
    count = max(map(len, several))
    addresses = []
    for number in range(count):
        host, hostaddr, port = (values[number if len(values) > 1 else 0] or None for values in several)
        single = {**parts, "host": host, "hostaddr": hostaddr, "port": port}
        addresses.append(make_conninfo("", **{**single, "target_session_attrs": "read-write"}))
    return addresses


def place_of(address: str) -> str:
    """The database's hosts for a message: "db1:5432", several separated by commas, or "this computer". No credentials."""
    places = []
    for single in each_host(address):
        parts = conninfo_to_dict(single)
        host = str(parts.get("host") or parts.get("hostaddr") or "")
        local = not host or host.startswith(("/", "@"))
        places.append("this computer" if local else f"{host}:{parts.get('port') or 5432}")
    return ", ".join(dict.fromkeys(places))
