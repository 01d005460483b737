"""The hub's private PostgreSQL server (`server.postgres.embedded`): its programs, files, process and cluster."""
