"""The clients' only socket: connect, reconnect, ask, follow."""
