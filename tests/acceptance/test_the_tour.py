"""`inturn-demo --tour` on real windows and a real hub: every step passes, and the pictures are written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from admin_app.demo.demo_story import Story

SIZES = {"kiosk": (540, 960), "monitor": (1280, 720), "console": (1440, 900), "overview": None}
LARGEST = {"overview": 300_000}


@pytest.mark.long
def test_the_tour_sees_everything_and_leaves_pictures(tmp_path: Path) -> None:
    own = tmp_path / "temporary"
    own.mkdir()
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    environment = environment | {"TMPDIR": str(own), "QT_QPA_PLATFORM": "offscreen"}
    tour = subprocess.run(
        [sys.executable, "-m", "admin_app.demo.demo", "--tour", str(tmp_path / "pictures")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (tour.returncode, tour.stderr) == (0, ""), tour.stdout + tour.stderr
    assert len(tour.stdout.splitlines()) == len(Story.STEPS) + 1, tour.stdout
    assert list(own.glob("inturn-demo-*")) == []
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert len(pictures) >= 15
    for picture in pictures:
        kind = picture.stem.split("-")[1] if "-" in picture.stem else picture.stem
        size, image = SIZES[kind], QImage(str(picture))
        assert size is None or (image.width(), image.height()) == size, picture.name
        assert 10_000 < picture.stat().st_size <= LARGEST.get(kind, 150_000), picture.name
