"""Tells windows what changed."""
