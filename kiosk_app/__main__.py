"""`inturn-kiosk` and `inturn-monitor`: see their `--help`. As a module it is the kiosk."""

import sys

from core import entry


def kiosk() -> int:
    """The kiosk's window; its exit code."""
    return entry.run("inturn-kiosk", "gui", "kiosk_app.command_line", "kiosk")


def monitor() -> int:
    """The wall monitor's window; its exit code."""
    return entry.run("inturn-monitor", "gui", "kiosk_app.command_line", "monitor")


if __name__ == "__main__":
    sys.exit(kiosk())
