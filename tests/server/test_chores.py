"""A chore that fails is logged, counted and restarted; a vital chore that keeps failing ends the hub."""

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
    """The work of a chore: runs the next of `outcomes` at each start, and the last of them at every later start.

    Attributes:
        starts: the number of starts.
    """

    def __init__(self, *outcomes: Callable[[], Awaitable[None]]) -> None:
        self.starts = 0
        self._outcomes = outcomes

    async def __call__(self) -> None:
        outcome = self._outcomes[min(self.starts, len(self._outcomes) - 1)]
        self.starts += 1
        await outcome()


async def run_forever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise OSError("the disk is gone")


async def end() -> None:
    """Returns, which counts as a failure of a chore."""


async def await_a_cancelled_future() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def recovered(chore: Chore, failures: int) -> None:
    await until(
        lambda: chore.failures == failures and chore.up, what=f"{failures} failures, and to run again"
    )


@pytest.mark.parametrize(
    ("outcome", "kind"), [(fail, "OSError"), (end, "ChoreEnded"), (await_a_cancelled_future, "ChoreEnded")]
)
async def test_a_chore_that_ends_is_logged_and_restarted(
    outcome: Callable[[], Awaitable[None]], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(outcome, outcome, run_forever)

    chore = Chores(SOON).start("watch of the tea", work)
    await recovered(chore, 2)
    assert (chore.in_a_row, chore.failure) == (2, kind)
    await chore.stop()
    assert not chore.up
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [
        "The watch of the tea failed; it is started again in 0.0 s"
    ] * 2
    assert caplog.text.count("Traceback (most recent call last)") >= 2
    assert outcome is end or f"in {outcome.__name__}" in caplog.text


async def test_a_cancelled_chore_has_not_failed(caplog: pytest.LogCaptureFixture) -> None:
    chores = Chores(SOON)
    chore = chores.start("watch of the tea", run_forever)
    await asyncio.sleep(0)
    assert chore.up
    await chores.stop()
    assert (chore.up, chore.failures, chores.named) == (False, 0, {})
    assert caplog.records == []


async def test_an_exception_group_of_a_single_exception_is_named_after_it() -> None:
    async def fail_in_a_group() -> None:
        async with asyncio.TaskGroup():
            await fail()

    chore = Chores(SOON).start("watch of the tea", Work(fail_in_a_group, run_forever))
    await recovered(chore, 1)
    assert chore.failure == "OSError"


def test_pauses_double_up_to_the_longest() -> None:
    back_off = BackOff(first=0.5, longest=30.0)
    assert [back_off.pause(failures) for failures in (1, 2, 3, 6, 7, 8, 5000)] == [0.5, 1, 2, 16, 30, 30, 30]


async def test_after_a_long_run_failures_in_a_row_are_counted_anew() -> None:
    chore = Chores(BackOff(first=0.001, settled=0.0)).start("watch of the tea", Work(fail, fail, run_forever))
    await recovered(chore, 2)
    assert chore.in_a_row == 1


async def test_two_chores_cannot_share_a_name() -> None:
    chores = Chores(SOON)
    chores.start("watch of the tea", run_forever)
    with pytest.raises(ValueError, match="watch of the tea"):
        chores.start("watch of the tea", run_forever)


async def test_only_a_vital_chore_ends_the_hub_and_the_end_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
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
