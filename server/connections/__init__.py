"""Serves one client from accept to close, and runs the hub around its clients."""
