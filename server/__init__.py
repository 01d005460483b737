"""The hub: WebSocket in front, PostgreSQL behind, and the only program that changes a line."""
