"""A slow poll of the change watch: its answer is older than the changes that the hub has delivered meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from core.client.hub_client import HubClient
from server.connections.hub import Hub
from tests.support.faults.trial import Trial


async def test_an_outdated_answer_is_not_taken_for_a_replaced_database(
    new_trial: Callable[..., Trial],
) -> None:
    trial = new_trial()
    desk = trial.person(0, "D1")

    hub = Hub(trial.url)
    read = hub._database.call

    async def read_slowly(function: str, *arguments: Any) -> str:
        answer = await read(function, *arguments)
        if function == "current_revisions":
            await asyncio.sleep(0.1)
        return answer

    await hub.start()
    hub._database.call = read_slowly  # type: ignore[method-assign]
    async with HubClient(hub.url, desk.credentials) as client:
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < began + 2.5:
            await client.join_queue("S1")
    await hub.stop()
