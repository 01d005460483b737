"""Sizes follow the screen's physical size; an implausible size is replaced by a likely size."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication

from kiosk_app.shared.physical_scale import (
    BODY_CAPITAL_MM,
    CAPITAL,
    DRAWN_PIXELS_PER_MM,
    LEAST_CAPITAL_MM,
    PhysicalScale,
    scale_for,
    screen_density,
)


def test_the_drawings_screen_has_the_drawings_sizes() -> None:
    scale = PhysicalScale(screen_density(1080, 1920, 267.7, 475.9), 1080, 1920)
    assert scale.unit == pytest.approx(1, abs=0.01)
    assert scale.mm(20) == 81
    assert scale.body == pytest.approx(46, abs=0.5)
    assert scale.body * CAPITAL / scale.pixels_per_mm >= BODY_CAPITAL_MM
    assert scale.least * CAPITAL / scale.pixels_per_mm == pytest.approx(LEAST_CAPITAL_MM)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_twice_the_pixels_on_the_same_screen_are_the_same_millimetres(factor: float) -> None:
    width, height = round(1080 * factor), round(1920 * factor)
    scale = PhysicalScale(screen_density(width, height, 267.7, 475.9), width, height)
    assert scale.unit == pytest.approx(factor, rel=0.01)


@pytest.mark.parametrize(
    ("reported", "why"),
    [
        ((0, 0), "nothing"),
        ((285.75, 508.0), "exactly 96 dots an inch"),
        ((16, 9), "tiny"),
        ((900, 300), "another shape"),
    ],
)
def test_an_implausible_screen_size_is_replaced_by_a_likely_size(
    reported: tuple[float, float], why: str
) -> None:
    assert screen_density(1080, 1920, *reported) == pytest.approx(DRAWN_PIXELS_PER_MM, rel=0.01), why


def test_a_turned_screen_that_reports_its_unturned_size_is_believed() -> None:
    assert screen_density(1080, 1920, 475.9, 267.7) == pytest.approx(DRAWN_PIXELS_PER_MM, rel=0.01)


def test_a_narrow_screen_is_likely_small() -> None:
    assert screen_density(1280, 1024, 0, 0) == pytest.approx(4.3, rel=0.01)


def test_a_calibration_overrules_the_reported_size() -> None:
    assert screen_density(1080, 1920, 267.7, 475.9, inches=32) == pytest.approx(2.71, rel=0.01)


def test_a_windowed_kiosk_is_scaled_down(qapp: QApplication) -> None:
    scale = scale_for(qapp.primaryScreen(), QSize(540, 960), windowed=True)
    assert scale.unit == pytest.approx(0.5, rel=0.01)


def test_a_wall_sized_kiosk_fills_its_screen() -> None:
    scale = PhysicalScale(screen_density(1080, 1920, 685, 1218), 1080, 1920)
    assert scale.unit == pytest.approx(0.9)
