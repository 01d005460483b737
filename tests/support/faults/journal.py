"""A client's journal and log: the evidence of the verdict.

The journal is on the disk before a request is sent: `intent(key)` first, `ack` or `refusal` after the answer. A client
that was killed continues from its journal. The log holds every change of every line, as the client applied it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from core.line.tickets import PublicTicket, QueueEvent

JOURNAL, LOG = ".journal", ".log"
_PUBLIC = tuple(name for name in PublicTicket.__struct_fields__ if name not in {"estimated_wait", "ahead"})
_FLEETING = {"estimated_wait", "ahead", "patient_name", "note", "needs", "parked_reason"}


class Intent(msgspec.Struct, frozen=True, tag="intent"):
    """A change is about to be sent."""

    key: str
    method: str
    params: dict[str, Any]


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    """The hub acknowledged the change; `result` is without members that a repeated answer may change."""

    key: str
    result: dict[str, Any]


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """The hub refused the change."""

    key: str
    reason: str


class Life(msgspec.Struct, frozen=True, tag="life"):
    """The client was started: it holds nothing yet."""


class Step(msgspec.Struct, frozen=True, tag="step"):
    """An event was applied; `digest` covers its public members."""

    service: str
    revision: int
    kind: str
    digest: str


class Leap(msgspec.Struct, frozen=True, tag="leap"):
    """A snapshot replaced the line."""

    service: str
    revision: int


Entry = Intent | Ack | Refusal
Sight = Life | Step | Leap
_entry = msgspec.json.Decoder(Entry).decode
_sight = msgspec.json.Decoder(Sight).decode


def step_of(event: QueueEvent) -> Step:
    """Returns an event as the log keeps it."""
    ticket = event.ticket and {name: getattr(event.ticket, name) for name in _PUBLIC}
    public = (event.at, event.from_position, event.waiting, event.reason, ticket)
    digest = hashlib.blake2b(msgspec.json.encode(public), digest_size=12).hexdigest()
    return Step(event.service, event.revision, event.kind, digest)


def lasting(result: dict[str, Any]) -> dict[str, Any]:
    """The members of an answer that stay when its key is used again; of a counter or a service, only its code."""
    return {name: _lasting(name, value) for name, value in result.items()}


def _lasting(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if name in {"counter", "service"}:
        return value["code"]
    return {name: each for name, each in value.items() if name not in _FLEETING}


class Pen:
    """Appends records to a file; `durable` records are on the disk when the call returns."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._durable = durable

    def write(self, record: msgspec.Struct) -> None:
        os.write(self._file, msgspec.json.encode(record) + b"\n")
        if self._durable:
            os.fdatasync(self._file)

    def close(self) -> None:
        os.close(self._file)


@dataclass
class Testimony:
    """A client's journal and log, read back.

    Attributes:
        actor: its name in the hub's history, "user:3" or "device:1".
        intents, acks, refusals: by key.
    """

    actor: str
    intents: dict[str, Intent] = field(default_factory=dict)
    acks: dict[str, Ack] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    sights: list[Sight] = field(default_factory=list)

    @property
    def unanswered(self) -> list[Intent]:
        """The changes without an answer."""
        answered = self.acks.keys() | self.refusals.keys()
        return [intent for key, intent in self.intents.items() if key not in answered]


def read(folder: Path, actor: str) -> Testimony:
    """Reads a client's journal and log; both are empty for a client that never ran."""
    found = Testimony(actor)
    for line in _lines(folder / (actor + JOURNAL)):
        match _entry(line):
            case Intent() as intent:
                found.intents[intent.key] = intent
            case Ack() as ack:
                found.acks[ack.key] = ack
            case Refusal() as refusal:
                found.refusals[refusal.key] = refusal
    found.sights = [_sight(line) for line in _lines(folder / (actor + LOG))]
    return found


def read_all(folder: Path) -> list[Testimony]:
    """Reads the journals and logs of every client."""
    return [read(folder, path.name.removesuffix(JOURNAL)) for path in sorted(folder.glob("*" + JOURNAL))]


def _lines(path: Path) -> list[bytes]:
    """Returns the complete lines: a killed client may leave an incomplete last line."""
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []
