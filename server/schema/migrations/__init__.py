"""The tables' history: Alembic revisions in `versions`, their SQL in `sql`, and how both are applied."""
