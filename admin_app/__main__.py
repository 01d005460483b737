"""`inturn-admin` and `inturn-demo`: see their `--help`. As a module it is the console."""

import sys

from core import entry


def main() -> int:
    """The staff console; its exit code."""
    return entry.run("inturn-admin", "gui", "admin_app.window.command_line")


def demo() -> int:
    """A whole clinic to try; its exit code."""
    return entry.run("inturn-demo", "hub,gui", "admin_app.demo.demo")


if __name__ == "__main__":
    sys.exit(main())
