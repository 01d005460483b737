"""Entry points of `inturn-kiosk` and `inturn-monitor`; `python -m kiosk_app` runs the kiosk. See their `--help`."""

import sys

from core import entry


def kiosk() -> int:
    """Runs the kiosk window and returns the exit code."""
    return entry.run("inturn-kiosk", "gui", "kiosk_app.command_line", "kiosk")


def monitor() -> int:
    """Runs the wall monitor window and returns the exit code."""
    return entry.run("inturn-monitor", "gui", "kiosk_app.command_line", "monitor")


if __name__ == "__main__":
    sys.exit(kiosk())
