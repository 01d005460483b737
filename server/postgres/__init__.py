"""Parts of the private PostgreSQL of the hub's own (`server.embedded_postgres`): programs, files, process, cluster."""
