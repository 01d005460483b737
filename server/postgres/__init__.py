"""Parts of the private PostgreSQL of the hub's own (`server.postgres.embedded`): programs, files, process, cluster."""
