"""Reads backups without running what is in them, and restores them."""
