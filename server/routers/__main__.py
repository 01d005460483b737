"""`python -m server.routers` prints the OpenRPC document of the hub's methods."""

import sys

import msgspec

from server.routers.openrpc import document

sys.stdout.write(msgspec.json.format(msgspec.json.encode(document()), indent=1).decode() + "\n")
