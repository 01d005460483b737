"""Screenshots of the demo's windows: numbered files, and an overview of all three windows."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QWidget

WIDEST = {"kiosk": 540, "monitor": 1280, "console": 1440}
"""Largest width of a window's screenshot, in pixels."""
SMALLEST_FILE = 0
"""Qt's `quality` of a PNG: 0 compresses most."""
GROUND, SHADOW = QColor("#DCE7E4"), QColor(16, 36, 56, 9)


class Album:
    """Saves numbered screenshots to a folder.

    Attributes:
        folder: the folder of the screenshots.
    """

    def __init__(self, folder: Path) -> None:
        """Creates the folder and removes an earlier tour's screenshots. Raises OSError if that fails."""
        folder.mkdir(parents=True, exist_ok=True)
        for former in folder.glob("[0-9][0-9]-*.png"):
            former.unlink()
        self.folder = folder
        self._taken = 0

    def take(self, kind: str, window: QWidget, what: str) -> Path:
        """Saves a screenshot of a window as, for example, `03-kiosk-ticket.png` and returns its path.

        `kind` is "kiosk", "monitor" or "console", `what` the rest of the name. Raises OSError.
        """
        self._taken += 1
        image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        if image.width() > WIDEST[kind]:
            image = image.scaledToWidth(WIDEST[kind], Qt.TransformationMode.SmoothTransformation)
        return _save(image, self.folder / f"{self._taken:02d}-{kind}-{what}.png")


def overview(kiosk: Path, monitor: Path, console: Path, target: Path) -> Path:
    """Composes three screenshots into one picture and saves it as `target`. Raises OSError."""
    margin, gap, radius = 36, 24, 14
    right_width = 800
    wall = _scaled(monitor, right_width)
    desk = _scaled(console, right_width)
    height = wall.height() + gap + desk.height()
    patient = QImage(str(kiosk)).scaledToHeight(height, Qt.TransformationMode.SmoothTransformation)
    picture = QImage(
        2 * margin + patient.width() + gap + right_width, 2 * margin + height, QImage.Format.Format_RGB32
    )
    picture.fill(GROUND)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    left = margin + patient.width() + gap
    _paste(painter, patient, QPointF(margin, margin), radius)
    _paste(painter, wall, QPointF(left, margin), radius)
    _paste(painter, desk, QPointF(left, margin + wall.height() + gap), radius)
    painter.end()
    return _save(picture, target)


def _scaled(file: Path, width: int) -> QImage:
    return QImage(str(file)).scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)


def _paste(painter: QPainter, image: QImage, place: QPointF, radius: float) -> None:
    area = QRectF(place, image.size().toSizeF())
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(SHADOW)
    for spread in (12, 9, 6, 3):
        painter.drawRoundedRect(
            area.adjusted(-spread, 6 - spread, spread, 6 + spread), radius + spread, radius + spread
        )
    outline = QPainterPath()
    outline.addRoundedRect(area, radius, radius)
    painter.setClipPath(outline)
    painter.drawImage(area, image)
    painter.setClipping(False)


def _save(image: QImage, file: Path) -> Path:
    if not image.save(str(file), "PNG", SMALLEST_FILE):  # type: ignore[call-overload]
        raise OSError(f"The picture {file} can't be written.")
    return file
