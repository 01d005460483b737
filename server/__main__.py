"""`inturn-hub`: see `inturn-hub --help`."""

import sys

from core import entry


def main() -> int:
    """The hub's command line; its exit code."""
    return entry.run("inturn-hub", "hub", "server.cli.command_line")


if __name__ == "__main__":
    sys.exit(main())
