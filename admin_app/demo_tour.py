"""The tour: tells the story step by step, a line each, and leaves the pictures."""

from __future__ import annotations

from time import monotonic

from admin_app.demo_hands import NotSeen
from admin_app.demo_pictures import Album, overview
from admin_app.demo_stage import Stage, show_as_drawn
from admin_app.demo_story import Story


async def tour(stage: Stage, album: Album) -> int:
    """Plays the whole story; 0, or 1 after one sentence that names the step and what was not seen."""
    show_as_drawn(stage)
    story, began = Story(stage, album), monotonic()
    for place, (title, step) in enumerate(Story.STEPS, start=1):
        try:
            said = await step(story)
        except NotSeen as missing:
            print(f"The tour failed at step {place}, “{title}”: {missing}.", flush=True)
            return 1
        print(f"{place:4}  {title}: {said}.", flush=True)
    [kiosk], [monitor], [console] = (
        list(album.folder.glob(f"*-{name}.png"))
        for name in ("kiosk-welcome", "monitor-busy", "console-called")
    )
    overview(kiosk, monitor, console, album.folder / "overview.png")
    print(
        f"Everything was as it should be, in {monotonic() - began:.0f} s. Pictures: {album.folder.resolve()}"
    )
    return 0
