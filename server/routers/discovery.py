"""`rpc.discover`."""

from __future__ import annotations

from server.commands import EVERYBODY, Context, Params, command
from server.openrpc import Document, document


@command("rpc.discover", EVERYBODY, Params, Document)
async def discover(context: Context, params: Params) -> Document:
    """Describes every method: this document."""
    return document()
