"""Proves that everything is sound; the only server code that may use the client."""
