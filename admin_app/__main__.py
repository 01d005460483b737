"""`inturn-admin`: see `inturn-admin --help`."""

import sys

from core import entry


def main() -> int:
    """The staff console; its exit code."""
    return entry.run("inturn-admin", "gui", "admin_app.command_line")


if __name__ == "__main__":
    sys.exit(main())
