"""Where the database is: the addresses a person may give, and how the hub connects to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import SetupError

_NO_ADDRESS = "The database URL must look like postgresql://USER:PASSWORD@HOST/NAME."
CONNECT_SECONDS = 2
"""For each host of the address."""
ADMINISTRATION_CONNECT_SECONDS = 5
"""The same when somebody waits for it, or nothing can go on without it: a start, a command."""
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A host that vanishes says nothing: an idle connection to it is given up after some 11 s, one that writes after 10 s."""


def driver_url(url: str) -> str:
    """The libpq address behind a SQLAlchemy URL. Raises SetupError.

    Several hosts (`postgresql://u@h1:5432,h2:5433/db`) are written as SQLAlchemy understands them, too; unless the
    address says otherwise, the one that takes writes is meant.
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
    """The driver's arguments for an autocommit connection that notices when its server is gone."""
    return {
        "conninfo": address,
        "autocommit": True,
        "connect_timeout": CONNECT_SECONDS,
        "application_name": application,
        "options": options,
        **_KEEPALIVE,
    }


def told_to_programs(url: str) -> tuple[str, dict[str, str]]:
    """What PostgreSQL's own programs are told: an address, and a part of the environment with the password.

    Everybody on this computer can read a command line. Raises SetupError.
    """
    parts = conninfo_to_dict(driver_url(url))
    secrets = {"PGPASSWORD": str(parts.pop("password"))} if "password" in parts else {}
    return make_conninfo("", **{name: str(value) for name, value in parts.items()}), secrets


def _of_several_hosts(parts: dict[str, Any]) -> str:
    """The same address with its hosts as parameters, which both SQLAlchemy and the driver can read."""
    wanted = {"target_session_attrs": "read-write", **parts}
    user, password, name = (wanted.pop(part, None) for part in ("user", "password", "dbname"))
    if not str(wanted.get("port", "")).strip(","):
        wanted.pop("port", None)
    who = quote(user or "", safe="") + (f":{quote(password, safe='')}" if password else "")
    return f"postgresql://{who}{'@' if who else ''}/{quote(name or '', safe='')}?{urlencode(wanted, quote_via=quote)}"


def each_host(address: str) -> list[str]:
    """The address of each host alone, asked for one that takes writes."""
    parts = conninfo_to_dict(address)
    several = [str(parts.get(part) or "").split(",") for part in ("host", "hostaddr", "port")]
    count = max(map(len, several))
    found = []
    for number in range(count):
        host, hostaddr, port = (values[number if len(values) > 1 else 0] or None for values in several)
        alone = {**parts, "host": host, "hostaddr": hostaddr, "port": port}
        found.append(make_conninfo("", **{**alone, "target_session_attrs": "read-write"}))
    return found


def place_of(address: str) -> str:
    """Where a database is, for a person: "db1:5432", several hosts with commas, or "this computer". No credentials."""
    places = []
    for each in each_host(address):
        parts = conninfo_to_dict(each)
        host = str(parts.get("host") or parts.get("hostaddr") or "")
        local = not host or host.startswith(("/", "@"))
        places.append("this computer" if local else f"{host}:{parts.get('port') or 5432}")
    return ", ".join(dict.fromkeys(places))
