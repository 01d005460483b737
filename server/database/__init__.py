"""The only driver: calls, pool, watch, channel."""
