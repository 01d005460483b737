"""A chore that fails is logged, counted and started again; a vital one that fails again and again ends the hub."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from server.chores import BackOff, Chore, Chores
from tests.support.waiting import until

SOON = BackOff(first=0.001, longest=0.004, settled=60.0, tries=3)
pytestmark = pytest.mark.logs_expected


class Work:
    """A chore's work: does what it is told at each start, the last of it again and again.

    Attributes:
        starts: how often it was started.
    """

    def __init__(self, *ways: Callable[[], Awaitable[None]]) -> None:
        self.starts = 0
        self._ways = ways

    async def __call__(self) -> None:
        way = self._ways[min(self.starts, len(self._ways) - 1)]
        self.starts += 1
        await way()


async def go_on() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise OSError("the disk is gone")


async def end() -> None:
    """Returns, as no chore should."""


async def wait_for_a_cancelled() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def mended(chore: Chore, failures: int) -> None:
    await until(
        lambda: chore.failures == failures and chore.up, what=f"{failures} failures, and to run again"
    )


@pytest.mark.parametrize(
    ("way", "kind"), [(fail, "OSError"), (end, "ChoreEnded"), (wait_for_a_cancelled, "ChoreEnded")]
)
async def test_whatever_ends_a_chore_is_logged_and_it_is_started_again(
    way: Callable[[], Awaitable[None]], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(way, way, go_on)

    chore = Chores(SOON).start("watch of the tea", work)
    await mended(chore, 2)
    assert (chore.in_a_row, chore.failure) == (2, kind)
    await chore.stop()
    assert not chore.up
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [
        "The watch of the tea failed; it is started again in 0.0 s"
    ] * 2
    assert caplog.text.count("Traceback (most recent call last)") >= 2
    assert way is end or f"in {way.__name__}" in caplog.text


async def test_to_be_cancelled_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    chores = Chores(SOON)
    chore = chores.start("watch of the tea", go_on)
    await asyncio.sleep(0)
    assert chore.up
    await chores.stop()
    assert (chore.up, chore.failures, chores.named) == (False, 0, {})
    assert caplog.records == []


async def test_a_group_of_one_failure_is_named_by_it() -> None:
    async def fail_in_a_group() -> None:
        async with asyncio.TaskGroup():
            await fail()

    chore = Chores(SOON).start("watch of the tea", Work(fail_in_a_group, go_on))
    await mended(chore, 1)
    assert chore.failure == "OSError"


def test_pauses_double_up_to_the_longest() -> None:
    back_off = BackOff(first=0.5, longest=30.0)
    assert [back_off.pause(failures) for failures in (1, 2, 3, 6, 7, 8, 5000)] == [0.5, 1, 2, 16, 30, 30, 30]


async def test_who_ran_for_long_has_left_earlier_failures_behind() -> None:
    chore = Chores(BackOff(first=0.001, settled=0.0)).start("watch of the tea", Work(fail, fail, go_on))
    await mended(chore, 2)
    assert chore.in_a_row == 1


async def test_a_name_is_taken_once() -> None:
    chores = Chores(SOON)
    chores.start("watch of the tea", go_on)
    with pytest.raises(ValueError, match="watch of the tea"):
        chores.start("watch of the tea", go_on)


async def test_only_a_vital_chore_ends_the_hub_and_it_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    chores, ends = Chores(SOON), []
    chores.on_given_up = lambda: ends.append(chores.given_up)
    tea = chores.start("watch of the tea", fail)
    await until(lambda: tea.failures > SOON.tries)
    assert (chores.given_up, ends) == (None, [])
    fire = chores.start("watch of the fire", fail, vital=True)
    await until(lambda: fire.failures > SOON.tries + 1)
    assert ends == [fire]
    await chores.stop()
    critical = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert critical == ["The watch of the fire failed 3 times in a row: the hub ends"]
