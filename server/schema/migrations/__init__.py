"""The schema's history: Alembic revisions in `versions`, their SQL in `sql`, and how both are applied."""
