"""WebSocket frames built by hand, valid and broken."""

from __future__ import annotations

import asyncio
import json
import struct

from core.wire.protocol import SUBPROTOCOL

TEXT, BINARY, CLOSE, PING, CONTINUATION = 1, 2, 8, 9, 0
MASK = b"\x01\x02\x03\x04"
UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
).encode()


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, says: int = -1
) -> bytes:
    """A frame; `says` is the length in its header, by default that of the payload."""
    length = len(payload) if says < 0 else says
    head = bytes([fin << 7 | rsv << 4 | opcode])
    bit = masked << 7
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))


def hello(token: str) -> bytes:
    """A device's hello."""
    params = {"credentials": {"token": token}}
    return frame(
        TEXT, json.dumps({"jsonrpc": "2.0", "id": 1, "method": "session.hello", "params": params}).encode()
    )


BROKEN: dict[str, tuple[bytes, int]] = {
    "not masked": (frame(TEXT, b"{}", masked=False), 1002),
    "a reserved bit": (frame(TEXT, b"{}", rsv=4), 1002),
    "deflate that was not negotiated": (frame(TEXT, b"{}", rsv=4), 1002),
    "an opcode that does not exist": (frame(3, b"{}"), 1002),
    "a control opcode that does not exist": (frame(11), 1002),
    "a ping in pieces": (frame(PING, b"x", fin=False), 1002),
    "a ping of 126 bytes": (frame(PING, b"x" * 126), 1002),
    "a continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "a text in the middle of another": (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002),
    "half a close code": (frame(CLOSE, b"\x03"), 1002),
    "a close code that may not be sent": (frame(CLOSE, struct.pack("!H", 1005)), 1002),
    "no UTF-8": (frame(TEXT, b"\xff\xfe\xfd"), 1007),
    "UTF-8 that is cut": (frame(TEXT, "é".encode()[:1]), 1007),
    "a surrogate in UTF-8": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "bytes": (frame(BINARY, b"{}"), 1003),
    "10 MB": (frame(TEXT, b"x" * 100, says=10_000_000), 1009),
    "2^62 bytes": (frame(TEXT, b"x" * 100, says=2**62), 1009),
    "2^63 bytes": (frame(TEXT, b"x" * 100, says=2**63), 1009),
    "a fragment too many": (
        frame(TEXT, b"x" * 40_000, fin=False) + frame(CONTINUATION, b"x" * 40_000, fin=False),
        1009,
    ),
}
"""Description -> (bytes, code with which the hub closes the connection)."""


class RawConnection:
    """A TCP connection to the hub for arbitrary bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, source: str = "127.0.0.1") -> RawConnection:
        """Connects from an address of this computer."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)))

    async def upgrade(self) -> None:
        """Performs the WebSocket's handshake."""
        self.writer.write(UPGRADE)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101"), answer

    async def read_frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload. Raises IncompleteReadError at the end."""
        first, second = await self.reader.readexactly(2)
        length = second & 127
        if length >= 126:
            size = 2 if length == 126 else 8
            length = int.from_bytes(await self.reader.readexactly(size), "big")
        return first & 15, await self.reader.readexactly(length)

    async def close_code(self) -> int:
        """The code of the next close frame; other frames before it are skipped."""
        while True:
            opcode, payload = await self.read_frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")

    def close(self) -> None:
        """Aborts the connection without a close frame."""
        self.writer.transport.abort()
