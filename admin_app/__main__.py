"""Entry points of `inturn-admin` and `inturn-demo`; `python -m admin_app` runs the console. See their `--help`."""

import sys

from core import entry


def main() -> int:
    """Runs the staff console and returns the exit code."""
    return entry.run("inturn-admin", "gui", "admin_app.window.command_line")


def demo() -> int:
    """Runs the demo clinic and returns the exit code."""
    return entry.run("inturn-demo", "hub,gui", "admin_app.demo.demo")


if __name__ == "__main__":
    sys.exit(main())
