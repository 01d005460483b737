"""What a backup holds, read before any database is touched. Files that `db restore` can't use are refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from core.errors import SetupError
from server.backups.copy_text import TableRows, tables_in
from server.backups.credentials import Account, Credentials, Device, shown
from server.backups.dump_file import MAGIC, DumpFile, open_dump
from server.database.schema_revision import fingerprint, latest_revision, revision_files
from server.schema.legacy.database import OLD_TABLES, UNCHANGED

_READ = ("alembic_version", "installed_schema", "settings", "users", "devices", "tickets")
_UPGRADE = "then run `inturn-hub db upgrade --database-url URL` on that database"


@dataclass
class Contents:
    """What a backup holds.

    Attributes:
        schema: name of the schema that InTurn's tables are in.
        revision: the last of the revisions that made those tables.
        tables: fingerprint of these revisions.
        clinic: name of the site.
        first_day, last_day: business days of the oldest and newest of the `tickets`; None without tickets.
    """

    dump: DumpFile
    schema: str
    revision: str = ""
    tables: str = ""
    clinic: str = ""
    tickets: int = 0
    first_day: date | None = None
    last_day: date | None = None
    accounts: list[Account] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)

    def credentials(self) -> Credentials:
        """The accounts and devices as they were."""
        return Credentials(self.accounts, self.devices)

    def summary(self) -> str:
        """One sentence for an administrator."""
        days = f", of {self.first_day} to {self.last_day}" if self.tickets else ""
        return (
            f"{self.dump.file} is a backup of {shown(self.clinic)}, made {self.dump.made_at:%Y-%m-%d %H:%M} UTC "
            f"(schema {self.revision}): tickets: {self.tickets}{days}; "
            f"accounts: {len(self.accounts)}; devices: {len(self.devices)}."
        )


def inspect_backup(file: Path) -> Contents:
    """Reads what a backup holds. Raises SetupError for every file that `db restore` can't use."""
    if not file.is_file():
        raise SetupError(f"There is no backup {file}.")
    try:
        with file.open("rb") as opened:
            archive = opened.read(len(MAGIC)) == MAGIC
        if not archive:
            raise SetupError(_not_an_archive(file))
        return _contents(open_dump(file))
    except OSError as error:
        raise SetupError(f"The backup {file} can't be read: {error.strerror}.") from error


def _contents(dump: DumpFile) -> Contents:
    schemas = dump.schemas_with("installed_schema")
    if len(schemas) != 1:
        raise SetupError(_not_ours(dump))
    contents = Contents(dump, schemas[0])
    rows = dump.rows_of(contents.schema)
    if missing := [name for name in _READ if name not in rows]:
        raise SetupError(f"The backup {dump.file} holds no rows of {', '.join(missing)}. {UNCHANGED}")
    with dump.read([rows[name] for name in _READ]) as tables:
        seen = [_take(contents, table) for table in tables]
    if missing := [name for name in _READ if name not in seen]:
        raise SetupError(f"The backup {dump.file} holds {', '.join(missing)} in another form. {UNCHANGED}")
    _refuse_other_revisions(contents)
    return contents


def _take(contents: Contents, table: TableRows) -> str:
    """Takes over the rows of a table and returns its name."""
    try:
        for row in table.records():
            _TAKE[table.name](contents, row)
    except (KeyError, TypeError, ValueError) as error:
        file = contents.dump.file
        raise SetupError(
            f"The backup {file} is damaged, or another program's: its table {table.name} is not InTurn's. {UNCHANGED}"
        ) from error
    return table.name


Row = Mapping[str, str | None]


def _take_revision(contents: Contents, row: Row) -> None:
    contents.revision = row["version_num"] or ""


def _take_schema(contents: Contents, row: Row) -> None:
    contents.tables = row["tables_fingerprint"] or ""


def _take_settings(contents: Contents, row: Row) -> None:
    contents.clinic = row["site_name"] or ""


def _take_user(contents: Contents, row: Row) -> None:
    contents.accounts.append(
        Account(row["username"] or "", row["disabled_at"] is None, row["password_hash"] or "")
    )


def _take_device(contents: Contents, row: Row) -> None:
    active = row["revoked_at"] is None
    contents.devices.append(Device(row["code"] or "", row["name"] or "", active, row["token_hash"]))


def _take_ticket(contents: Contents, row: Row) -> None:
    day = date.fromisoformat(row["business_day"] or "")
    contents.tickets += 1
    contents.first_day = min(day, contents.first_day or day)
    contents.last_day = max(day, contents.last_day or day)


_TAKE = {
    "alembic_version": _take_revision,
    "installed_schema": _take_schema,
    "settings": _take_settings,
    "users": _take_user,
    "devices": _take_device,
    "tickets": _take_ticket,
}


def _refuse_other_revisions(contents: Contents) -> None:
    file, revision = contents.dump.file, contents.revision
    known = revision in {made.stem for made in revision_files(latest_revision())}
    if contents.tables and not known:
        raise SetupError(
            f"The backup {file} was made by a newer InTurn (its schema is {shown(revision)}). "
            f"Please install that version here. {UNCHANGED}"
        )
    if contents.tables != fingerprint(*revision_files(revision)):
        raise SetupError(_unreleased(file))


def _not_ours(dump: DumpFile) -> str:
    if dump.schemas_with("queue_events"):
        return _unreleased(dump.file)
    if _is_earlier_version(dump):
        return _earlier(dump.file, "pg_restore --no-owner -d URL")
    names = sorted({entry.name for entry in dump.entries if entry.kind == "TABLE"})
    tables = f"it has the tables {', '.join(map(shown, names[:5]))}" if names else "it has no tables"
    return f"The backup {dump.file} is another program's: {tables}. {UNCHANGED}"


def _is_earlier_version(dump: DumpFile) -> bool:
    """Whether a schema has the earlier version's tables with all their columns."""
    for schema in dump.schemas_with("tickets"):
        rows = dump.rows_of(schema)
        with dump.read([rows[name] for name in OLD_TABLES if name in rows]) as tables:
            columns = {table.name: set(table.columns) for table in tables}
        if all(columns.get(name, set()) >= old.keys() for name, old in OLD_TABLES.items()):
            return True
    return False


def _unreleased(file: Path) -> str:
    return (
        f"The backup {file} was made by an unreleased InTurn, or by another program: no version restores it. "
        f"{UNCHANGED}"
    )


def _earlier(file: Path, program: str) -> str:
    return (
        f"{file} is a dump of the earlier version, not a backup of InTurn: load it into an empty database of its own "
        f"(`{program} {file}`), {_UPGRADE}. {UNCHANGED}"
    )


def _not_an_archive(file: Path) -> str:
    tables = _copied_tables(file)
    if "installed_schema" in tables:
        return (
            f"{file} is a dump in plain text; `db restore` takes what `db backup` writes. Load it into an empty "
            f"database of its own (`psql -d URL -f {file}`), {_UPGRADE}. {UNCHANGED}"
        )
    if all(tables.get(name, set()) >= old.keys() for name, old in OLD_TABLES.items()):
        return _earlier(file, "psql -d URL -f")
    return f"{file} is no backup: `inturn-hub db backup` did not write it. {UNCHANGED}"


def _copied_tables(file: Path) -> dict[str, set[str]]:
    """Tables with rows in a text, and their columns."""
    with file.open("rb") as lines, suppress(ValueError):
        return {table.name: set(table.columns) for table in tables_in(lines)}
    return {}
