"""The only modules that use the database driver: calls, pool, watch, channel."""
