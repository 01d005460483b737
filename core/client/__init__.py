"""The clients' only socket: connect, reconnect, request, follow."""
