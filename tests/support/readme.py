"""README's promises, and the commands of its code blocks."""

from __future__ import annotations

import re

from tests.support.places import ROOT

README = (ROOT / "README.md").read_text("utf-8")
_BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMISES = re.compile(
    r"^## What it promises\n\n\| \| \|\n\| --- \| --- \|\n(.*?)\n\n", re.MULTILINE | re.DOTALL
)


def commands() -> list[str]:
    """Each command of the code blocks, without the words beside it."""
    lines = "\n".join(_BLOCK.findall(README)).splitlines()
    return [re.split(r" {2,}", line)[0] for line in lines if line]


def promises() -> list[str]:
    """The left column of the table of promises."""
    [table] = _PROMISES.findall(README)
    return [row.split("|")[1].strip() for row in table.splitlines()]


def name_of_test(promise: str) -> str:
    """The name of the test of a promise."""
    return "test_" + re.sub(r"\W+", "_", promise.lower().replace("'", "")).strip("_")
