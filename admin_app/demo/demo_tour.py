"""The tour: runs the story step by step, prints a line for each step, and composes the overview picture."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from admin_app.demo.demo_hands import NotSeen
from admin_app.demo.demo_pictures import Album, overview
from admin_app.demo.demo_stage import Stage, show_as_drawn
from admin_app.demo.demo_story import Story


async def tour(stage: Stage, album: Album) -> int:
    """Runs the whole story. Returns 0, or 1 after printing the step that failed and why."""
    show_as_drawn(stage)
    story, began = Story(stage, album), monotonic()
    with _recorded_faults() as faults:
        for place, (title, step) in enumerate(Story.STEPS, start=1):
            try:
                result = await step(story)
                if faults.first:
                    raise NotSeen(f"a fault was logged: {faults.first}")
            except NotSeen as missing:
                print(f"The tour failed at step {place}, “{title}”: {missing}.", flush=True)
                return 1
            print(f"{place:4}  {title}: {result}.", flush=True)
    _compose(album)
    print(
        f"Everything was as it should be, in {monotonic() - began:.0f} s. Pictures: {album.folder.resolve()}"
    )
    return 0


def _compose(album: Album) -> None:
    [kiosk], [monitor], [console] = (
        list(album.folder.glob(f"*-{name}.png"))
        for name in ("kiosk-welcome", "monitor-called", "console-called")
    )
    overview(kiosk, monitor, console, album.folder / "overview.png")


class _Faults(logging.Handler):
    """Records the first error in the log: a step fails if a window logs one, even if the window keeps working."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.first = (
            self.first or f"{record.getMessage()} {record.exc_info[1] if record.exc_info else ''}".strip()
        )


@contextmanager
def _recorded_faults() -> Iterator[_Faults]:
    faults, root = _Faults(), logging.getLogger()
    root.addHandler(faults)
    try:
        yield faults
    finally:
        root.removeHandler(faults)
