"""Alembic's environment: runs the revisions on the connection that `server.schema.revisions` passes."""

from __future__ import annotations

from alembic import context

from server.schema.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
