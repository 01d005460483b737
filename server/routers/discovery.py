"""`rpc.discover`."""

from __future__ import annotations

from server.routers.openrpc import Document, document
from server.routers.registry import EVERYBODY, Context, Params, command


@command("rpc.discover", EVERYBODY, Params, Document)
async def discover(context: Context, params: Params) -> Document:
    """Describes every method: this document."""
    return document()
