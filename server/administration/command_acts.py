"""Calls the SQL functions of administration for the command line. The wire calls the same functions
(`server.operations.administration`).
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Engine, text

from server.schema.engine import wake_hubs

ACTOR = "command line"


def act(engine: Engine, function: str, *arguments: Any) -> dict[str, Any]:
    """Calls a function as the command line, without a key; returns its result, and notifies the hubs.

    Lists and mappings are passed as JSON. Raises DBAPIError.
    """
    values: dict[str, Any] = {"actor": ACTOR}
    places = []
    for number, value in enumerate(arguments):
        as_json = isinstance(value, (dict, list))
        places.append(f"CAST(:a{number} AS jsonb)" if as_json else f":a{number}")
        values[f"a{number}"] = json.dumps(value) if as_json else value
    statement = f"SELECT {function}(:actor, NULL, NULL, {', '.join(places)})"
    with engine.begin() as connection:
        result: dict[str, Any] = connection.execute(text(statement), values).scalar_one()["result"]
        wake_hubs(connection)
    return result
