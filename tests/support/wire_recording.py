"""A relay between clients and a hub that records every byte, so that tests read what went over the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

TEXT = 1


class Recording:
    """The bytes of a connection.

    Attributes:
        sent, received: from the client to the hub, and from the hub to the client.
    """

    def __init__(self) -> None:
        self.sent = bytearray()
        self.received = bytearray()

    @property
    def requests(self) -> list[Any]:
        """The client's requests, as JSON values."""
        return [json.loads(text) for text in text_frames(self.sent)]

    @property
    def messages(self) -> list[Any]:
        """The hub's replies and pushes, as JSON values."""
        return [json.loads(text) for text in text_frames(self.received)]


def text_frames(stream: bytearray) -> Iterator[bytes]:
    """The text frames in one direction, after the HTTP header; an unfinished frame is left out."""
    place = stream.find(b"\r\n\r\n") + 4
    while len(stream) >= place + 2:
        opcode, length = stream[place] & 0x0F, stream[place + 1] & 0x7F
        masked, place = stream[place + 1] & 0x80, place + 2
        if length > 125:
            size = 2 if length == 126 else 8
            length, place = int.from_bytes(stream[place : place + size]), place + size
        mask, place = (bytes(stream[place : place + 4]), place + 4) if masked else (b"\0\0\0\0", place)
        payload, place = bytes(stream[place : place + length]), place + length
        if opcode == TEXT and len(payload) == length:
            yield _unmasked(payload, mask)


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(len(payload))


class RecordingRelay:
    """A context manager: listens on its own port and relays connections to the hub at `hub_url`.

    Attributes:
        url: for clients.
        recordings: of the connections, in order.
    """

    def __init__(self, hub_url: str) -> None:
        self.url = ""
        self.recordings: list[Recording] = []
        self._hub_port = urlsplit(hub_url).port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._restored = asyncio.Event()
        self._restored.set()

    async def __aenter__(self) -> RecordingRelay:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/ws"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Aborts every connection without a close frame; new connections wait until `restore`."""
        self._restored.clear()
        for writer in self._writers:
            writer.transport.abort()

    def restore(self) -> None:
        """Relays waiting and new connections again."""
        self._restored.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recording = Recording()
        self.recordings.append(recording)
        await self._restored.wait()
        hub_reader, hub_writer = await asyncio.open_connection("127.0.0.1", self._hub_port)
        both = {writer, hub_writer}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(_copy(reader, hub_writer, recording.sent))
                directions.create_task(_copy(hub_reader, writer, recording.received))
        finally:
            self._writers -= both
            for end in both:
                end.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recorded: bytearray) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(256 * 1024):
            recorded += data
            writer.write(data)
            await writer.drain()
        writer.write_eof()
